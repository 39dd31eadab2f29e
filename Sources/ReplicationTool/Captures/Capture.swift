internal import Bytes
internal import Reactor
internal import ReplicationWire

/// A recorded session in a file, of which only what a replay must know beforehand is kept.
struct Capture {
    /// Why a file cannot be played.
    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    /// One stream of one connection.
    struct Stream: Equatable {
        /// The stream was here before its first row.
        var base: Int64
        var last: Int64
    }

    /// What went over one connection.
    struct Connection: Equatable {
        var rows = 0
        var streams: [StreamName: Stream] = [:]
    }

    static let chunkBytes = 1 << 17
    let path: String
    let file: File
    private(set) var dialect: Dialect?
    private(set) var connections: [Int: Connection] = [:]

    /// Reads a file once and checks every line that a main has sent.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - dialect: How its lines are read; nil to see by themselves.
    ///   - loop: Where it is read, a chunk at a time.
    /// - Throws: A ``Mistake`` with the number of the first line that is wrong, or a `FileError`.
    init(
        scanning path: String, dialect: Dialect?, on loop: isolated EventLoop
    ) async throws {
        self.path = path
        self.dialect = dialect
        file = try await loop.openFile(path)
        var text = CaptureText()
        try await loop.readChunks(of: file, chunkBytes: Self.chunkBytes) { chunk in
            try text.append(chunk) { line, number in try take(line, number) }
            if text.isTooLong { throw mistake("a line is too long", text.lineNumber + 1) }
        }
        try text.finish { line, number in try take(line, number) }
    }

    private func mistake(_ text: String, _ number: Int) -> Mistake {
        Mistake(description: "\(path):\(number): \(text)")
    }

    private mutating func take(_ line: RawSpan, _ number: Int) throws {
        do throws(CaptureLine.Mistake) {
            guard let entry = try CaptureLine(parsing: line) else { return }
            guard entry.direction == .fromMain else { return }
            try take(line.extracting(droppingFirst: entry.start), of: entry.connection)
        } catch {
            throw mistake(error.text, number)
        }
    }

    private mutating func take(
        _ sent: RawSpan, of number: Int
    ) throws(CaptureLine.Mistake) {
        if dialect == nil { dialect = MainLine.dialect(of: sent) }
        let dialect = dialect ?? .classic
        let command: ReplicationCommand
        do throws(CommandError) {
            command = try ReplicationCommand(parsing: sent, dialect: dialect)
        } catch {
            throw CaptureLine.Mistake(error.text)
        }
        guard command.name.isSentByMain else {
            throw CaptureLine.Mistake("\(command.name.rawValue) is nothing that a main sends")
        }
        switch try MainLine(reading: sent, dialect: dialect).kind {
        case .row(let stream, let token):
            connections[number, default: Connection()].rows += 1
            if let token { note(token, base: token - 1, of: stream, number) }
        case .position(let stream, let token): note(token, base: token, of: stream, number)
        case .other, .own: break
        }
    }

    private mutating func note(
        _ token: Int64, base: Int64, of stream: StreamName, _ number: Int
    ) {
        connections[number, default: Connection()].streams[
            stream, default: Stream(base: base, last: token)
        ].last.raise(to: token)
    }

    /// The connection that had most rows, the first of several.
    var richest: Int? {
        connections.filter { $0.value.rows > 0 }
            .min { ($1.value.rows, $0.key) < ($0.value.rows, $1.key) }?.key
    }
}

extension Int64 {
    fileprivate mutating func raise(to other: Int64) { self = Swift.max(self, other) }
}
