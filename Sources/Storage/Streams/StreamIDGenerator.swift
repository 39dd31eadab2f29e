public import Postgres
public import Reactor

/// Hands out the ids of one stream and knows which of them may be announced.
///
/// Transactions finish in another order than they began. Whoever reads "everything up to N" must not miss a
/// row that is committed later under a lower id, so the position is the highest id below which every id
/// handed out is finished. One process writes a stream; the ids come from a sequence of the database, a block
/// at a time, so that they keep rising over restarts. Lives on one loop.
public final class StreamIDGenerator {
    private let nextIDs: Statement
    private let refill = AsyncLock()
    private let blockSize: Int
    /// Ids taken from the sequence and not handed out yet, highest first.
    private var reserve: [Int64] = []
    /// Ids handed out, lowest first, up to the first unfinished one; see `finish`.
    private var pending: [(id: Int64, isFinished: Bool)] = []
    /// Everything up to here may be announced.
    public private(set) var position: Int64

    /// A generator over the sequence that `statement` reads ($1 ids), starting at the position `current`,
    /// which is what the stream's table holds at most.
    init(_ statement: Statement, current: Int64, blockSize: Int = 50) {
        nextIDs = statement
        position = current
        self.blockSize = blockSize
    }

    /// Hands out `count` rising ids.
    ///
    /// Each must be given back to ``finish(_:on:)``, stored or not.
    public func next(
        _ count: Int, from pool: PostgresPool, on loop: isolated EventLoop
    ) async throws -> [Int64] {
        if reserve.count < count || !refill.isFree {
            // One refill at a time: blocks that arrived out of order would make ids fall.
            await refill.acquire(on: loop)
            defer { refill.release(on: loop) }
            while reserve.count < count {
                let wanted = max(blockSize, count - reserve.count)
                let rows = try await pool.query(nextIDs, [.integer(Int64(wanted))], on: loop)
                var fresh: [Int64] = []
                for row in rows { fresh.append(try row.integer(0)) }
                // After a restore the sequence may lag behind the table.
                reserve = fresh.filter { $0 > position }.sorted(by: >) + reserve
            }
            return take(count)
        }
        return take(count)
    }

    private func take(_ count: Int) -> [Int64] {
        var ids: [Int64] = []
        ids.reserveCapacity(count)
        for _ in 0..<count {
            guard let id = reserve.popLast() else { break }
            ids.append(id)
            pending.append((id, false))
        }
        return ids
    }

    /// Takes ids back whose transaction has ended.
    ///
    /// Returns the new position if it moved.
    @discardableResult
    public func finish(_ ids: [Int64], on loop: isolated EventLoop) -> Int64? {
        for id in ids {
            guard let index = index(of: id) else { continue }
            pending[index].isFinished = true
        }
        var done = 0
        while done < pending.count, pending[done].isFinished { done += 1 }
        guard done > 0 else { return nil }
        position = pending[done - 1].id
        pending.removeFirst(done)
        return position
    }

    /// The place of an id in `pending`, which is sorted.
    private func index(of id: Int64) -> Int? {
        var low = 0
        var high = pending.count
        while low < high {
            let middle = (low + high) / 2
            if pending[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < pending.count && pending[low].id == id ? low : nil
    }
}
