package reducer

import "github.com/rollmend/rollmend/states"

var deferredRows = []Row{
	{states.Deferred, states.KindActivationCompleted, states.Soaking, false, "activated; current := observed; probes cleared"},
	{states.Deferred, states.KindActivationFailed, states.Failed, false, "activation failed and failed; policy applied := the record's own"},
}
