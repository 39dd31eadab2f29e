public import Reactor

extension PostgresPool {
    /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
    ///
    /// After a serialization failure or a deadlock the whole body runs again, a bounded number of
    /// times, so it must have no effects besides those on the database. BEGIN travels with the first
    /// statement; a transaction costs one round trip more than its statements. Query within it only
    /// through its connection: the pool might have none left for you.
    public func transaction<Result>(
        isolation: TransactionIsolation = .readCommitted, on loop: isolated EventLoop,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        var retryCount = 0
        while true {
            let connection = try await acquire(on: loop)
            let transaction = PostgresConnection(connection, isolation: isolation)
            do {
                let result = try await body(transaction)
                try await transaction.commit(on: loop)
                release(connection, on: loop)
                return result
            } catch {
                await transaction.rollback(on: loop)
                release(connection, on: loop)
                guard transaction.sawRetryableError,
                    retryCount < configuration.transactionRetriesMax, state == .running
                else { throw error }
            }
            retryCount += 1
            counts.transactionRetryCount += 1
            // Those who collided must not collide again in step.
            await loop.sleep(for: .milliseconds(Int.random(in: 0...(1 << min(retryCount, 6)))))
        }
    }
}
