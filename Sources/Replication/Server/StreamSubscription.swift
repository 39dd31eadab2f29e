import ReplicationWire

/// One worker's place in one stream, as the main sees it: what it has been sent, and what must
/// happen with rows that are published meanwhile. Without I/O.
///
/// Missed rows are read in laps. A lap reads up to the newest token at its beginning; rows that
/// are published during it are newer and wait behind it. A lap that does not get to its end, or
/// during which too many rows had to wait, is followed by another one, which reads those rows too:
/// so a worker may be any distance behind, and memory stays bounded.
struct StreamSubscription {
    /// What to do with a block that was just published.
    enum Delivery: Equatable {
        case skip
        case whole
        case from(offset: Int)
    }

    /// How large a page may grow for rows that share one token.
    static let pageLimitMax = 1 << 20

    /// Everything up to here has been sent.
    private(set) var position: Int64
    /// Where the worker began.
    let start: Int64
    /// False until the worker has been told its `POSITION`.
    private(set) var isLive = false
    /// Changes with each subscription, so that a lap that was begun for an older one is recognised.
    let generation: Int
    private(set) var pageLimit: Int
    private var lapEnd: Int64?
    private var waiting: [PublishedBlock] = []
    private var waitingRows = 0
    private var overflowed = false
    private let waitingRowsMax: Int

    init(after position: Int64, generation: Int, pageLimit: Int, waitingRowsMax: Int) {
        self.position = position
        start = position
        self.generation = generation
        self.pageLimit = pageLimit
        self.waitingRowsMax = waitingRowsMax
    }

    /// Goes live without reading anything.
    mutating func begin(at position: Int64) {
        self.position = position
        isLive = true
    }

    // MARK: Publishing

    /// Takes note of a block and says what of it is to be sent now.
    mutating func publish(_ block: PublishedBlock) -> Delivery {
        guard block.lastToken > position else { return .skip }
        guard isLive else {
            wait(block)
            return .skip
        }
        defer { position = block.lastToken }
        return position < block.firstToken ? .whole : .from(offset: block.offset(after: position))
    }

    /// Moves on without a row. Returns the position before if the worker must be told.
    mutating func advance(to token: Int64) -> Int64? {
        guard isLive, token > position else { return nil }
        defer { position = token }
        return position
    }

    private mutating func wait(_ block: PublishedBlock) {
        // Between two laps nothing needs to wait: the next one will read it.
        guard let lapEnd, block.lastToken > lapEnd, !overflowed else { return }
        waitingRows += block.rowCount
        guard waitingRows <= waitingRowsMax else {
            overflowed = true
            waiting = []
            return
        }
        waiting.append(block)
    }

    // MARK: Laps

    /// Begins to read up to the stream's newest token.
    mutating func beginLap(upTo end: Int64) {
        lapEnd = end
        waiting = []
        waitingRows = 0
        overflowed = false
    }

    /// Takes a page that was read, and gives the rows that are to be sent.
    ///
    /// After this, ``endLap()`` says whether the lap has reached its end.
    mutating func takePage(_ page: [ReplicationUpdate]) -> [ReplicationUpdate] {
        guard let lapEnd else { return [] }
        let isComplete = page.count < pageLimit
        var rows = page.filter { $0.token > position && $0.token <= lapEnd }
        if !zip(rows, rows.dropFirst()).allSatisfy({ $0.token <= $1.token }) {
            rows = rows.enumerated().sorted {
                ($0.element.token, $0.offset) < ($1.element.token, $1.offset)
            }.map(\.element)
        }
        guard !isComplete else {
            position = max(position, lapEnd)
            return rows
        }
        guard let last = rows.last?.token else {
            // A source that fills pages with what was not asked for has nothing for us.
            position = max(position, lapEnd)
            return []
        }
        // More rows of the last token may follow, and they must all go out together.
        let cut = rows.firstIndex { $0.token == last } ?? 0
        guard cut > 0 || pageLimit >= Self.pageLimitMax else {
            pageLimit *= 2
            return []
        }
        if cut > 0 { rows.removeSubrange(cut...) }
        position = rows.last?.token ?? position
        return rows
    }

    /// If the worker is up to date now, the blocks that waited: they go out behind `POSITION`, each
    /// handed to ``publish(_:)`` once more. Otherwise nil, and another lap is needed.
    mutating func endLap() -> [PublishedBlock]? {
        guard let end = lapEnd.take(), position >= end, !overflowed else {
            waiting = []
            return nil
        }
        isLive = true
        return exchange(&waiting, with: [])
    }
}
