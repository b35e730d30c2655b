// A cursor: how far a replica has read, of which log and of which view.
//
// A sequence means nothing without its epoch, and nothing without the view that it was read
// under; the three therefore travel together.
export {};
