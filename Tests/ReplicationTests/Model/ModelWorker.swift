import Reactor
import ReplicationWire
import Testing

@testable import Replication

/// A worker over its lives. What it stored outlives a kill, what it knows of typing does not.
final class ModelWorker: ReplicationClientDelegate {
    let name: String
    let streams: [StreamName]
    /// Where it began; nil until it is known, for one that began NOW.
    private(set) var starts: [StreamName: Int64]
    private(set) var stored: [StreamName: Int64]
    private(set) var rows: [StreamName: [ReplicationUpdate]] = [:]
    private(set) var typing: [String: [String]] = [:]
    /// Rows of federation since the last time the main started anew.
    private(set) var federation: [ReplicationRow] = []
    private(set) var federationPosition: Int64 = 0
    private(set) var faults: [String] = []
    /// Why there is no connection, for the study of a failure.
    private(set) var lastTrouble = ""
    /// The last token of each stream's rows on this connection, as they came.
    private var sent: [StreamName: Int64] = [:]
    private var lastPositions: [StreamName: Int64] = [:]
    private(set) var client: ReplicationClient?

    init(_ name: String, _ streams: [StreamName], startingAt starts: [StreamName: Int64]) {
        self.name = name
        self.streams = streams
        self.starts = starts
        stored = starts
    }

    func start(_ options: ReplicationClient.Options, on loop: isolated EventLoop) {
        var first = stored
        if streams.contains(.federation) { first[.federation] = 0 }
        let client = ReplicationClient(options: options, streams: streams, delegate: self) { first }
        self.client = client
        lastPositions = [:]
        typing = [:]
        if options.dialect == .classic {
            client.lineTap = { line, isFromMain in if isFromMain { self.check(line) } }
        }
        client.start(on: loop)
    }

    /// A main sends no row twice on one connection, though a worker would not mind.
    private func check(_ line: RawSpan) {
        let text = line.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        if text.hasPrefix("SERVER ") { sent = [:] }
        let words = text.split(separator: " ", maxSplits: 3)
        guard words.count == 4, words[0] == "RDATA", let token = Int64(words[2]) else { return }
        let stream = StreamName(String(words[1]))
        guard !stream.isInMemory else { return }
        if let last = sent[stream], token <= last {
            faults.append("\(stream) \(token) was sent after \(last) on one connection")
        }
        sent[stream] = token
    }

    func kill(on loop: isolated EventLoop) {
        client?.delegate = nil
        client?.abort(on: loop)
        client = nil
    }

    // MARK: Delegate

    private func note(_ stream: StreamName, _ position: Int64) {
        if let last = lastPositions[stream], position < last {
            faults.append("\(stream) went back from \(last) to \(position)")
        }
        lastPositions[stream] = position
        guard !stream.isInMemory else { return }
        if starts[stream] == nil { starts[stream] = position }
        stored[stream] = position
    }

    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {
        note(stream, position)
        switch stream {
        case .typing:
            for case .typing(let row) in rows {
                typing[row.roomID] = row.userIDs.isEmpty ? nil : row.userIDs
            }
        case .federation:
            federation += rows
            federationPosition = position
        default:
            self.rows[stream, default: []] += rows.map {
                ReplicationUpdate(token: position, row: $0)
            }
        }
    }

    func positionChanged(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        note(stream, position)
    }

    func streamReset(_ stream: StreamName, on loop: isolated EventLoop) {
        if !stream.isInMemory { faults.append("\(stream) was reset") }
        lastPositions[stream] = nil
        if stream == .typing { typing = [:] }
        guard stream == .federation else { return }
        federation = []
        federationPosition = 0
    }

    func disconnected(reason: String, on loop: isolated EventLoop) { lastTrouble = reason }

    func connectionFailed(_ error: any Error, on loop: isolated EventLoop) {
        lastTrouble = "\(loop.now.nanoseconds): \(error)"
    }

    func streamSkipped(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        faults.append("\(stream) skipped rows up to \(position)")
        note(stream, position)
    }
}
