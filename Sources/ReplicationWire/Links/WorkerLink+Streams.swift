import Bytes

extension WorkerLink {
    /// The last token of a stream whose rows the worker has; nil if it is not known yet.
    public func position(of stream: StreamName) -> Int64? { followers[stream]?.position }

    /// Whether the worker is in step with the main in this stream.
    public func isLive(_ stream: StreamName) -> Bool { followers[stream]?.phase == .live }

    /// Rows of a stream that were received but whose token is not complete.
    public func pendingRows(of stream: StreamName) -> Int { followers[stream]?.pendingRows ?? 0 }

    /// Rows that came a second time and were dropped.
    public var repeatedRows: UInt64 { followers.values.reduce(0) { $0 + $1.repeatedRows } }

    mutating func receive(_ data: RowData, _ line: RawSpan, into actions: inout [Action]) {
        let digest = RecentLines.digest(of: line)
        guard let outcome = followers[data.stream]?.receive(data, digest: digest) else {
            return ignoredRow()
        }
        act(on: outcome, of: data.stream, into: &actions)
    }

    mutating func receive(_ message: Position, into actions: inout [Action]) {
        let stream = message.stream
        guard let (unfinished, outcome) = followers[stream]?.receive(message) else { return }
        // A main that answers is well: the next trouble is a new one.
        backoff.reset()
        if !unfinished.isEmpty, let position = position(of: stream) {
            actions.append(.rows(stream, unfinished, position: position))
        }
        act(on: outcome, of: stream, into: &actions)
    }

    private mutating func act(
        on outcome: StreamFollower.Outcome, of stream: StreamName, into actions: inout [Action]
    ) {
        let position = position(of: stream) ?? 0
        switch outcome {
        case .nothing: break
        case .rows(let rows): actions.append(.rows(stream, rows, position: position))
        case .resetThenRows(let rows):
            actions.append(.reset(stream))
            actions.append(.rows(stream, rows, position: position))
        case .position: actions.append(.position(stream, position))
        case .skipped: actions.append(.skipped(stream, to: position))
        case .reset:
            actions.append(.reset(stream))
            actions.append(.position(stream, position))
        case .resetThenReplicate(let token):
            actions.append(.reset(stream))
            actions.append(.send(.replicate(.stream(stream, from: .token(token)))))
        case .tooLong: close(.batchTooLong(stream), into: &actions)
        }
    }

    /// A 2017 main refuses to catch up a stream that is more than 10,000 rows behind.
    mutating func peerError(_ text: String, into actions: inout [Action]) {
        actions.append(.peerError(text))
        if text == LinkFailure.shuttingDown.text { mainHasGone = true }
        guard let stream = Self.streamFallenBehind(text), followers[stream] != nil else { return }
        followers[stream]?.mustSkip = true
        actions.append(.fellBehind(stream))
    }

    /// The stream that an error's text names as "stream X has fallen behind".
    static func streamFallenBehind(_ text: String) -> StreamName? {
        let words = text.split(whereSeparator: { $0 == " " || $0 == "'" || $0 == "\"" })
        guard let fallen = words.firstIndex(where: { $0 == "fallen" }), fallen >= 3,
            words[fallen - 3] == "stream"
        else { return nil }
        return StreamName(String(words[fallen - 2]))
    }
}
