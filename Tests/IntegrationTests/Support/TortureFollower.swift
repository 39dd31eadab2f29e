import Reactor
import Replication
import ReplicationWire

/// A worker that keeps the events it is told of, and where it is, over its kills.
final class TortureFollower: ReplicationClientDelegate {
    private(set) var events: [(token: Int64, eventID: String)] = []
    private(set) var position: Int64 = 0
    private(set) var problems: [String] = []
    private(set) var lives = 0
    private let port: UInt16
    private let name: String
    private var client: ReplicationClient?

    init(name: String, port: UInt16) {
        self.name = name
        self.port = port
    }

    func start(on loop: isolated EventLoop) {
        lives += 1
        let options = ReplicationClient.Options(
            host: "127.0.0.1", port: port, name: name, serverName: "test.local")
        let start = position
        let client = ReplicationClient(options: options, streams: [.events], delegate: self) {
            [.events: start]
        }
        self.client = client
        client.start(on: loop)
    }

    func kill(on loop: isolated EventLoop) {
        client?.delegate = nil
        client?.abort(on: loop)
        client = nil
    }

    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {
        if position < self.position { problems.append("back to \(position)") }
        self.position = position
        for case .event(let row) in rows { events.append((position, row.eventID)) }
    }

    func positionChanged(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        if position < self.position { problems.append("back to \(position)") }
        self.position = position
    }

    func streamSkipped(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        problems.append("skipped to \(position)")
    }
}
