package postgres

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

const (
	// leavesFrom is how many bytes leave at once. Less is not worth a call of the
	// system, and leaves with the next statement.
	leavesFrom = 32 << 10

	// roomMost is the most memory that is kept to encode the next statements in:
	// a statement takes about a tenth of it, unless its records are long.
	roomMost = 1 << 20
)

// send sends the statements that end a transaction. Each leaves once it is
// encoded, so that the server works on it while the next one is. It reports
// whether the last one may have left: an error from before says that nothing was
// stored.
func (s *Store) send(ctx context.Context, conn *pgx.Conn, b *pgx.Batch) (sent bool, err error) {
	config := conn.Config()
	if config.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return true, conn.SendBatch(ctx, b).Close() // all statements are one text
	}
	tracer, traced := config.Tracer.(pgx.BatchTracer)
	if traced {
		ctx = tracer.TraceBatchStart(ctx, conn, pgx.TraceBatchStartData{Batch: b})
		defer func() { tracer.TraceBatchEnd(ctx, conn, pgx.TraceBatchEndData{Err: err}) }()
	}
	prepared := make([]*pgconn.StatementDescription, len(b.QueuedQueries))
	if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		for i, q := range b.QueuedQueries {
			if prepared[i], err = conn.Prepare(ctx, q.SQL, q.SQL); err != nil {
				return false, err
			}
		}
	}
	p := conn.PgConn().StartPipeline(ctx)
	if err := s.encode(p, conn.TypeMap(), b, prepared); err != nil {
		_, _ = p.Sync(), p.Close() // what has left is undone with the transaction
		return false, err
	}
	if err := p.Sync(); err != nil {
		return true, err
	}
	for _, q := range b.QueuedQueries {
		tag, err := result(p)
		if traced {
			tracer.TraceBatchQuery(ctx, conn, pgx.TraceBatchQueryData{SQL: q.SQL, Args: q.Arguments, CommandTag: tag, Err: err})
		}
		if err == nil {
			continue
		}
		_ = p.Close() // tells the same
		if c, _ := code(err); c == codeNoStatement {
			_ = conn.Close(ctx) // another one prepares its own
		}
		return true, err
	}
	return true, p.Close()
}

// encode encodes statements and lets them leave, but for what is short at the
// end. Its error is one of encoding.
func (s *Store) encode(p *pgconn.Pipeline, m *pgtype.Map, b *pgx.Batch, prepared []*pgconn.StatementDescription) error {
	buf, _ := s.room.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	defer func() {
		if cap(*buf) <= roomMost {
			s.room.Put(buf)
		}
	}()
	for i, q := range b.QueuedQueries {
		values, formats, err := arguments(m, prepared[i], q.Arguments, buf)
		if err != nil {
			return err
		}
		if prepared[i] == nil {
			p.SendQueryParams(q.SQL, values, nil, formats, nil)
		} else {
			p.SendQueryPrepared(prepared[i].Name, values, formats, nil)
		}
		if len(*buf) >= leavesFrom {
			_ = p.Flush() // where it fails, so does all that follows
		}
	}
	return nil
}

// result reads what became of the next statement.
func result(p *pgconn.Pipeline) (pgconn.CommandTag, error) {
	r, err := p.GetResults()
	if rows, ok := r.(*pgconn.ResultReader); ok {
		return rows.Close()
	}
	return pgconn.CommandTag{}, err
}

// arguments encodes a statement's arguments, and returns where they stand. The
// types are those of the statement, where it is prepared.
func arguments(m *pgtype.Map, prepared *pgconn.StatementDescription, args []any, room *[]byte) (values [][]byte, formats []int16, err error) {
	values, formats = make([][]byte, len(args)), make([]int16, len(args))
	buf := (*room)[:0]
	for i, arg := range args {
		from := len(buf)
		if l, ok := arg.(*list); ok {
			formats[i] = pgx.BinaryFormatCode
			buf, err = l.appendTo(buf)
		} else {
			var oid uint32
			if _, text := arg.(string); prepared != nil && !text {
				oid = prepared.ParamOIDs[i]
				formats[i] = m.FormatCodeForOID(oid)
			}
			buf, err = m.Encode(oid, formats[i], arg, buf)
		}
		if err != nil {
			return nil, nil, err
		}
		values[i] = buf[from:len(buf):len(buf)]
	}
	*room = buf
	return values, formats, nil
}

// list is an array as an argument. Its elements are encoded where they leave,
// one behind the other.
type list struct {
	of      uint32 // the type of the elements
	n       int
	element func(dst []byte, i int) ([]byte, error)
}

func int64s(n int, at func(i int) int64) *list {
	return &list{pgtype.Int8OID, n, func(dst []byte, i int) ([]byte, error) {
		return binary.BigEndian.AppendUint64(dst, uint64(at(i))), nil
	}}
}

func int16s(n int, at func(i int) int16) *list {
	return &list{pgtype.Int2OID, n, func(dst []byte, i int) ([]byte, error) {
		return binary.BigEndian.AppendUint16(dst, uint16(at(i))), nil
	}}
}

func byteas(n int, element func(dst []byte, i int) ([]byte, error)) *list {
	return &list{pgtype.ByteaOID, n, element}
}

// appendTo appends the list in the server's binary form of an array.
func (l *list) appendTo(dst []byte) ([]byte, error) {
	for _, v := range [...]uint32{
		1, // dimension
		0, // no element is NULL
		l.of,
		uint32(l.n),
		1, // the first one's number
	} {
		dst = binary.BigEndian.AppendUint32(dst, v)
	}
	for i := range l.n {
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0) // its length
		var err error
		if dst, err = l.element(dst, i); err != nil {
			return dst, err
		}
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst, nil
}

// Value implements [driver.Valuer]: the list as text, for connections on which
// nothing is sent in binary.
func (l *list) Value() (driver.Value, error) {
	text := []byte{'{'}
	for i := range l.n {
		element, err := l.element(nil, i)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		switch l.of {
		case pgtype.Int8OID:
			text = strconv.AppendInt(text, int64(binary.BigEndian.Uint64(element)), 10)
		case pgtype.Int2OID:
			text = strconv.AppendInt(text, int64(int16(binary.BigEndian.Uint16(element))), 10)
		default:
			text = append(hex.AppendEncode(append(text, `"\\x`...), element), '"')
		}
	}
	return string(append(text, '}')), nil
}
