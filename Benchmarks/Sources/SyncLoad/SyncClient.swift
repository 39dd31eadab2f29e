import Bytes
import Reactor

/// What the clients of a load tell.
protocol SyncObserver: AnyObject {
    /// A message came that the client had not had.
    func received(_ marker: Marker, by client: SyncClient, at now: UInt64)
    /// The client's request was answered.
    func answered(_ client: SyncClient, bytes: Int)
    /// Something went wrong, which belongs into the report.
    func failed(_ client: SyncClient, _ reason: String)
}

/// A client that syncs: its answers are scanned for what the load must know, nothing is decoded.
final class SyncClient: ChannelHandler {
    let account: Account
    private let address: SocketAddress
    private unowned let observer: any SyncObserver
    private var channel: Channel?
    private var reader = ResponseReader()
    /// The position that the next request names; none asks for everything.
    private(set) var since: [UInt8]
    /// The message number that each room is at, since nothing may come twice or be left out.
    private var next: [Int: Int] = [:]
    /// The number of a room's first message of this load; lower ones are of an earlier load.
    private let firstNumber: Int
    private var head: [UInt8]
    private let tail: [UInt8]
    /// Whether each answer is followed by the next request.
    var keepsPolling = false
    /// A request is under way.
    private(set) var isWaiting = false
    private var parked: (() -> Void)?

    init(
        _ account: Account, at address: SocketAddress, since: [UInt8], firstNumber: Int,
        observer: any SyncObserver
    ) {
        self.account = account
        self.address = address
        self.since = since
        self.firstNumber = firstNumber
        self.observer = observer
        head = []
        tail = Array(
            " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(account.token)\r\n\r\n".utf8)
    }

    /// Changes what the next requests ask for, without `since`.
    func setQuery(_ query: String) { head = Array("GET /_matrix/client/v3/sync?\(query)".utf8) }

    /// Begins anew: the next request has no `since`.
    func forget() { since = [] }

    /// Asks once.
    func poll(on loop: isolated EventLoop) {
        guard let channel, !channel.isClosing else {
            return observer.failed(self, "is not connected")
        }
        isWaiting = true
        channel.write(head, on: loop)
        if !since.isEmpty {
            channel.write(Array("&since=".utf8), on: loop)
            channel.write(since, on: loop)
        }
        channel.write(tail, on: loop)
    }

    /// Asks once and parks until the answer has come.
    func pollAndWait(on loop: isolated EventLoop) async throws {
        try await connect(on: loop)
        poll(on: loop)
        guard isWaiting else { throw Failure("not connected") }
        await withUnsafeContinuation(isolation: loop) { continuation in
            parked = { continuation.resume() }
        }
        if since.isEmpty { throw Failure("\(account.name): no answer to a sync") }
    }

    func connect(on loop: isolated EventLoop) async throws {
        if let channel, !channel.isClosing { return }
        reader = ResponseReader()
        channel = try await loop.connect(to: address, timeout: .seconds(60)) { _ in self }
    }

    func close(on loop: isolated EventLoop) {
        keepsPolling = false
        channel?.abort(on: loop)
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        var isComplete = false
        do {
            try reader.read(bytes) { status, body in
                isComplete = true
                take(status, body)
            }
        } catch {
            observer.failed(self, "was sent what is not HTTP")
            return channel.abort(on: loop)
        }
        guard isComplete else { return }
        isWaiting = false
        parked.take()?()
        if keepsPolling { poll(on: loop) }
    }

    private func take(_ status: Int, _ body: RawSpan) {
        guard status == 200, let token = SyncClient.nextBatch(body) else {
            return observer.failed(self, "/sync: \(status) \(String(body.string.prefix(200)))")
        }
        let isFirst = since.isEmpty
        since = token
        let now = Instant.now.nanoseconds
        Marker.all(in: body) { marker in
            // What an initial sync shows has been seen before, and may begin anywhere.
            guard !isFirst, marker.number >= firstNumber else { return }
            let expected = next[marker.room] ?? firstNumber
            next[marker.room] = marker.number + 1
            if marker.number != expected {
                observer.failed(self, "message \(marker.number) of a room instead of \(expected)")
            }
            observer.received(marker, by: self, at: now)
        }
        observer.answered(self, bytes: body.byteCount)
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        if self.channel === channel { self.channel = nil }
        let wasWaiting = isWaiting
        isWaiting = false
        parked.take()?()
        if keepsPolling, wasWaiting { observer.failed(self, "connection closed: \(reason)") }
    }

    private static func nextBatch(_ body: RawSpan) -> [UInt8]? {
        let key: StaticString = "\"next_batch\":"
        var offset = 0
        while let quote = body.firstIndex(of: UInt8(ascii: "\""), from: offset) {
            let rest = body.extracting(quote..<body.byteCount)
            guard rest.starts(with: key) else {
                offset = quote + 1
                continue
            }
            guard let start = rest.firstIndex(of: UInt8(ascii: "\""), from: key.utf8CodeUnitCount),
                let end = rest.firstIndex(of: UInt8(ascii: "\""), from: start + 1)
            else { return nil }
            return rest.extracting(start + 1..<end).array
        }
        return nil
    }
}
