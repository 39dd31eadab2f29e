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

    /// The newest token of a stream that the main has spoken of, in whatever way.
    public func head(of stream: StreamName) -> Int64? {
        guard let head = status?.heads[stream] else { return position(of: stream) }
        return max(head, position(of: stream) ?? head)
    }

    /// How many tokens a stream is behind what the main has spoken of; nil if it has not. In a stream
    /// whose tokens are handed out without gaps these are rows.
    public func tokensBehind(in stream: StreamName) -> Int64? {
        guard let head = status?.heads[stream] else { return isLive(stream) ? 0 : nil }
        guard let position = position(of: stream) else { return nil }
        return max(0, head - position)
    }

    // MARK: Asking

    /// Asks a main for the streams at the beginning of a connection.
    mutating func ask(into actions: inout [Action]) {
        // A main that says which run it is will say so in a moment; then what is known of streams
        // in memory can be told from what is not. Of others we know that they went away at most.
        let waitsForStatus = status != nil
        if !waitsForStatus, exchange(&mainHasGone, with: false) { assumeRestart(into: &actions) }
        if dialect == .named {
            for stream in order { _ = followers[stream]?.subscription() }
            return actions.append(.send(.replicate(.all)))
        }
        for stream in order {
            if waitsForStatus, stream.isInMemory {
                deferred.append(stream)
            } else if let wish = followers[stream]?.subscription() {
                actions.append(.send(.replicate(wish)))
            }
        }
    }

    /// Typing of a main that went away says nothing of its successor's.
    private mutating func assumeRestart(into actions: inout [Action]) {
        guard followers[.typing]?.assumeRestart() == true else { return }
        actions.append(.reset(.typing))
    }

    mutating func receivePing(_ text: String, into actions: inout [Action]) {
        pings += 1
        let former = status
        status = MainStatus(pingText: text)
        // A main tells nothing of itself before it has seen the secret.
        if status == nil, hasSecret, pings == 1 { return status = former }
        guard pings == 1 || !deferred.isEmpty || former?.run != status?.run else { return }
        if let status, let former, status.run != former.run {
            for stream in order where stream.isInMemory {
                guard followers[stream]?.assumeRestart() == true else { continue }
                actions.append(.reset(stream))
            }
        } else if status == nil, former != nil, mainHasGone {
            assumeRestart(into: &actions)
        }
        mainHasGone = false
        for stream in exchange(&deferred, with: []) {
            guard let wish = followers[stream]?.subscription() else { continue }
            actions.append(.send(.replicate(wish)))
        }
    }

    // MARK: Rows

    mutating func receive(_ data: RowData, _ line: RawSpan, into actions: inout [Action]) {
        let digest = RecentLines.digest(of: line)
        guard let outcome = followers[data.stream]?.receive(data, digest: digest, dialect) else {
            return ignoredRow()
        }
        act(on: outcome, of: data.stream, into: &actions)
    }

    mutating func receive(_ message: Position, into actions: inout [Action]) {
        let stream = message.stream
        guard let (unfinished, outcome) = followers[stream]?.receive(message, dialect)
        else { return }
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
        case .replicate(let token):
            actions.append(.send(.replicate(.stream(stream, from: .token(token)))))
        case .ignored: ignoredRow()
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
