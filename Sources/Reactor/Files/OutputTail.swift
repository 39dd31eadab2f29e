/// What a channel has to write after what it is writing, when files are part of it: bytes and files
/// in turn. What is written after the last file is in the channel's usual queue.
final class OutputTail {
    enum Step {
        /// A queue to be written, now the caller's.
        case output(OutputPool.Loan)
        /// A file's bytes went out.
        case sent
        case blocked
        /// The kernel has no memory now.
        case short
        case waiting
        case failed(SystemError)
        /// Nothing is left.
        case done
    }

    private enum Piece {
        case bytes(OutputPool.Loan)
        case file(FileTransfer)
    }

    private var pieces: [Piece] = []
    /// What a filter is translating.
    var current: OutputPool.Loan?
    /// Why it cannot go on.
    var failure: SystemError?

    deinit {
        if let current { OutputPool.destroy(current) }
        for case .bytes(let loan) in pieces { OutputPool.destroy(loan) }
    }

    /// Bytes still to be given on.
    var count: Int {
        var count = current?.pointee.count ?? 0
        for piece in pieces {
            switch piece {
            case .bytes(let loan): count += loan.pointee.count
            case .file(let transfer): count += transfer.remaining
            }
        }
        return count
    }

    /// Appends bytes, if there are any, and a file behind them.
    func append(_ bytes: OutputPool.Loan?, _ transfer: FileTransfer) {
        if let bytes { pieces.append(.bytes(bytes)) }
        pieces.append(.file(transfer))
    }

    func next(for channel: Channel, copies: Bool, on loop: isolated EventLoop) -> Step {
        while let first = pieces.first {
            switch first {
            case .bytes(let loan):
                pieces.removeFirst()
                return .output(loan)
            case .file(let transfer):
                switch transfer.next(for: channel, copies: copies, on: loop) {
                case .done: pieces.removeFirst()
                case .chunk(let chunk):
                    let loan = loop.borrowOutput()
                    loan.pointee.append(chunk)
                    return .output(loan)
                case .sent: return .sent
                case .blocked: return .blocked
                case .short: return .short
                case .waiting: return .waiting
                case .failed(let error): return .failed(error)
                }
            }
        }
        return .done
    }
}
