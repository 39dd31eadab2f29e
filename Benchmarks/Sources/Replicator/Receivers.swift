import Glibc
import Reactor
import Replication
import ReplicationWire

/// A worker that counts its rows.
class Receiver: ReplicationClientDelegate {
    let client: ReplicationClient
    private(set) var position: Int64 = 0
    private(set) var rowCount = 0
    private(set) var isFollowing = false
    var onChange: (() -> Void)?

    init(port: UInt16, from token: Int64? = nil, on loop: isolated EventLoop) {
        let options = ReplicationClient.Options(
            host: "127.0.0.1", port: port, name: "receiver", serverName: "example.org")
        client = ReplicationClient(
            options: options, streams: [.events],
            firstPositions: { token.map { [.events: $0] } ?? [:] })
        client.delegate = self
        client.start(on: loop)
    }

    func rows(
        _ stream: StreamName, _ rows: [ReplicationRow], position: Int64,
        on loop: isolated EventLoop
    ) {
        if self.position > 0, position != self.position + 1 { fail("a row was lost") }
        for case .event(let row) in rows { take(row) }
        rowCount += rows.count
        self.position = position
        onChange?()
    }

    func take(_ row: EventStreamRow) {}

    func positionChanged(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        isFollowing = true
        onChange?()
    }

    func streamSkipped(_ stream: StreamName, to position: Int64, on loop: isolated EventLoop) {
        fail("rows were skipped")
    }

    func disconnected(reason: String, on loop: isolated EventLoop) { fail(reason) }

    func fail(_ text: String) {
        print("The worker: \(text)")
        exit(1)
    }

    /// Sleeps while others work.
    func wait(seconds: Double, on loop: isolated EventLoop) async {
        await loop.sleep(for: .seconds(seconds))
    }
}

/// Many workers on one loop, which keep a main going by their acknowledgements.
final class Receivers {
    private var receivers: [Receiver] = []
    private let batch: Int64
    private var acknowledged: Int64 = 0
    private var isDue = false

    init(port: UInt16, count: Int, batch: Int64, on loop: isolated EventLoop) {
        self.batch = batch
        receivers = (0..<count).map { _ in Receiver(port: port, on: loop) }
        // One of them tells for all, once in a turn.
        for receiver in receivers {
            receiver.onChange = {
                guard !self.isDue else { return }
                self.isDue = true
                loop.spawn {
                    self.isDue = false
                    self.acknowledge(on: loop)
                }
            }
        }
    }

    private func acknowledge(on loop: isolated EventLoop) {
        let least = receivers.reduce(Int64.max) { min($0, $1.position) }
        guard least >= acknowledged + batch else { return }
        acknowledged = least
        receivers[0].client.send(.federationAck(FederationAck(token: least)), on: loop)
    }

    func measure(warmUp: Double, seconds: Double, on loop: isolated EventLoop) async {
        while !receivers.allSatisfy(\.isFollowing) { await loop.sleep(for: .milliseconds(1)) }
        receivers[0].client.send(.federationAck(FederationAck(token: 0)), on: loop)
        await loop.sleep(for: .seconds(warmUp))
        let before = (rows: rowCount, cpu: cpuTime(), wall: wallTime())
        await loop.sleep(for: .seconds(seconds))
        let rows = rowCount - before.rows
        guard rows > 0 else {
            print("No row came.")
            exit(1)
        }
        print(
            "{\"operations\":\(rows),\"nanoseconds\":\(wallTime() - before.wall),"
                + "\"cpu\":\(cpuTime() - before.cpu)}")
        exit(0)
    }

    private var rowCount: Int { receivers.reduce(0) { $0 + $1.rowCount } }
}

/// A worker that knows when its rows were published.
final class LatencyReceiver: Receiver {
    private var samples: [UInt64] = []

    override func take(_ row: EventStreamRow) {
        if let time = UInt64(row.eventID.dropFirst()) { samples.append(wallTime() - time) }
    }

    func measure(warmUp: Double, seconds: Double, on loop: isolated EventLoop) async {
        await wait(seconds: warmUp, on: loop)
        samples = []
        let before = (cpu: cpuTime(), wall: wallTime())
        await wait(seconds: seconds, on: loop)
        let (cpu, wall) = (cpuTime() - before.cpu, wallTime() - before.wall)
        samples.sort()
        guard let last = samples.indices.last else { return fail("no row came") }
        print(
            "{\"operations\":\(samples.count),\"nanoseconds\":\(wall),\"cpu\":\(cpu),"
                + "\"median\":\(samples[last / 2]),\"p99\":\(samples[last * 99 / 100])}")
        exit(0)
    }
}

/// A worker that has missed everything.
final class CatchUpReceiver: Receiver {
    private let rows: Int64

    init(port: UInt16, rows: Int64, on loop: isolated EventLoop) {
        self.rows = rows
        super.init(port: port, from: 0, on: loop)
    }

    func measure(serverPID: Int32, on loop: isolated EventLoop) async {
        let before = (wall: wallTime(), cpu: cpuTime(), server: cpuTime(of: serverPID))
        while position < rows { await loop.sleep(for: .milliseconds(1)) }
        guard rowCount == Int(rows) else { return fail("\(rowCount) rows came, not \(rows)") }
        print(
            "{\"operations\":\(rows),\"nanoseconds\":\(wallTime() - before.wall),"
                + "\"cpu\":\(cpuTime() - before.cpu),"
                + "\"server\":\(cpuTime(of: serverPID) - before.server)}")
        exit(0)
    }
}
