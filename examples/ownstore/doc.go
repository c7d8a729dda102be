// Command ownstore shows a store of one's own: it keeps nothing but what
// happened, in order, and folds the rest from it. It plays a scenario on it and
// prints what came of each step; its tests hold it to the contract by package
// storetest, and to the laws of package proptest.
//
// It is in memory: what it holds ends with the process.
package main
