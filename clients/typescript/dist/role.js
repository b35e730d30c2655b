// What a tab does with what its app asks for. There are two answers: a tab that leads keeps the
// connection, one that follows asks the one that leads.
export {};
