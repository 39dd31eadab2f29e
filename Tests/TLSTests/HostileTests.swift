import Bytes
import Reactor
import Synchronization
import TLS
import TestSupport
import Testing

/// What comes to a port that the internet can reach.
@Suite("Hostile peers of TLS", .serialized)
struct HostileTests {
    /// Failures that a server has told of.
    final class Told: Sendable {
        let reasons = Mutex<[String]>([])
    }

    private func server(_ told: Told) throws -> Pair {
        var options = TLSServerOptions()
        options.handshakeFailed = { _, reason in told.reasons.withLock { $0.append(reason) } }
        return try Pair(server: options)
    }

    /// What a client of TLS says first.
    private func hello(_ pair: Pair, on loop: isolated EventLoop) async throws -> [UInt8] {
        let recorder = Recorder()
        let holder = Holder()
        let listener = try loop.listen(on: .loopback()) { channel in
            holder.channel = channel
            return recorder
        }
        let task = loop.spawn {
            _ = await connectError(listener.localAddress, pair.client.peer("localhost"), on: loop)
        }
        await recorder.wait(on: loop) { recorder in
            let bytes = recorder.bytes
            return bytes.count > 5 && bytes.count >= 5 + Int(bytes[3]) << 8 + Int(bytes[4])
        }
        holder.channel?.abort(on: loop)
        await task.value
        listener.close(on: loop)
        return recorder.bytes
    }

    @Test("plain HTTP and other protocols are told apart in the log", arguments: kernels)
    func plain(ground: Ground) throws {
        try onLoop(ground) { loop in
            let told = Told()
            let pair = try server(told)
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { _ in Echo() }
            let openings = [
                "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
                "\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}",
            ]
            for text in openings {
                let recorder = Recorder()
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10)
                ) { _ in recorder }
                channel.write(Array(text.utf8), on: loop)
                await recorder.wait(on: loop) { $0.reason != nil }
                // Nothing or an alert.
                #expect(recorder.bytes.isEmpty || recorder.bytes[0] == 21)
            }
            let reasons = told.reasons.withLock { $0 }
            #expect(reasons.first == "plain HTTP came where TLS is spoken")
            #expect(reasons.dropFirst().allSatisfy { $0.contains("is not TLS") }, "\(reasons)")
            #expect(pair.server.statistics == TLSStatistics(failed: openings.count))
        }
    }

    @Test("a greeting may be split anywhere", arguments: [Ground.simulated(seed: 1, rough: false)])
    func splits(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try server(Told())
            let hello = try await hello(pair, on: loop)
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { _ in Echo() }
            for split in 1..<hello.count {
                let recorder = Recorder()
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10)
                ) { _ in recorder }
                channel.write(Array(hello[..<split]), on: loop)
                channel.flush(on: loop)
                await loop.sleep(for: .milliseconds(1))
                #expect(recorder.bytes.isEmpty)
                channel.write(Array(hello[split...]), on: loop)
                await recorder.wait(on: loop) { !$0.bytes.isEmpty || $0.reason != nil }
                #expect(recorder.bytes.first == 22)
                channel.abort(on: loop)
            }
        }
    }

    @Test("a whole conversation byte by byte", arguments: [TLSVersion.tls12, .tls13])
    func relay(version: TLSVersion) throws {
        try onLoop(.simulated(seed: 1, rough: false)) { loop in
            var options = TLSServerOptions()
            options.maximumVersion = version
            let pair = try Pair(server: options)
            let target = try loop.listen(on: .loopback(), options: pair.listening) { _ in Echo() }
            let relay = try loop.listen(on: .loopback()) { channel in
                Relay(channel, to: target.localAddress, on: loop)
            }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: relay.localAddress, timeout: .seconds(600),
                security: pair.client.peer("localhost")
            ) { _ in recorder }
            channel.write(Array("one byte at a time".utf8), on: loop)
            await recorder.wait(on: loop) { $0.bytes.count == 18 }
            #expect(recorder.text == "one byte at a time")
            channel.close(on: loop)
        }
    }

    @Test("damaged and cut greetings end the connection and nothing else", arguments: kernels)
    func damaged(ground: Ground) throws {
        try onLoop(ground) { loop in
            var options = TLSServerOptions()
            // Some damage leaves a greeting that promises more.
            options.handshakeTimeout = .milliseconds(20)
            let pair = try Pair(server: options)
            let hello = try await hello(pair, on: loop)
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { _ in Echo() }
            var random = SplitMix(state: 42)
            for round in 0..<300 {
                var bytes = hello
                switch round % 3 {
                case 0:
                    bytes[Int(random.next() % UInt64(bytes.count))] ^= UInt8(
                        1 + random.next() % 255)
                case 1: bytes = Array(bytes[..<Int(random.next() % UInt64(bytes.count))])
                default: bytes = (0..<200).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                }
                let recorder = Recorder()
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10)
                ) { _ in recorder }
                channel.write(bytes, on: loop)
                channel.shutdownOutput(on: loop)
                await recorder.wait(on: loop) { $0.reason != nil }
            }
            // Who comes next is served.
            #expect(
                await connectError(listener.localAddress, pair.client.peer("localhost"), on: loop)
                    == nil)
        }
    }

    @Test("a damaged record is refused with an alert, what came before stands", arguments: grounds)
    func damagedRecord(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try Pair()
            let server = Recorder()
            let target = try loop.listen(on: .loopback(), options: pair.listening) { _ in server }
            let holder = RelayHolder()
            let relay = try loop.listen(on: .loopback()) { channel in
                let relay = Relay(channel, to: target.localAddress, whole: true, on: loop)
                holder.relay = relay
                return relay
            }
            let client = Recorder()
            let channel = try await loop.connect(
                to: relay.localAddress, timeout: .seconds(600),
                security: pair.client.peer("localhost")
            ) { _ in client }
            channel.write(Array("good".utf8), on: loop)
            await server.wait(on: loop) { $0.bytes.count == 4 }
            holder.relay?.damages = true
            channel.write(Array("evil".utf8), on: loop)
            await server.wait(on: loop) { $0.reason != nil }
            await client.wait(on: loop) { $0.reason != nil }
            #expect(server.text == "good")
            guard case .failed(let error) = server.reason else {
                Issue.record("\(server.reason as Any)")
                return
            }
            // A network that splits may have put the damage into a record's head.
            let isWhole = error.description == "TLS: decryption failed or bad record mac"
            #expect(isWhole || ground.isRough && error.call == "TLS", "\(error)")
            #expect(
                client.reason.map { "\($0)" }?.contains("the peer refused with an alert") == true,
                "\(client.reason as Any)")
        }
    }

    @Test("an end without close_notify is an end or an error, as asked", arguments: grounds)
    func truncation(ground: Ground) throws {
        try onLoop(ground) { loop in
            for policy in [TLSTruncation.isEndOfInput, .isError] {
                var options = TLSServerOptions()
                options.truncation = policy
                let pair = try Pair(server: options)
                let server = Recorder()
                let target = try loop.listen(on: .loopback(), options: pair.listening) { _ in
                    server
                }
                let holder = RelayHolder()
                let relay = try loop.listen(on: .loopback()) { channel in
                    let relay = Relay(channel, to: target.localAddress, whole: true, on: loop)
                    holder.relay = relay
                    return relay
                }
                let channel = try await loop.connect(
                    to: relay.localAddress, timeout: .seconds(600),
                    security: pair.client.peer("localhost")
                ) { _ in Recorder() }
                channel.write(Array("cut".utf8), on: loop)
                await server.wait(on: loop) { $0.bytes.count == 3 }
                holder.relay?.cut(on: loop)
                await server.wait(on: loop) { $0.reason != nil }
                #expect(server.inputHasEnded == (policy == .isEndOfInput))
                #expect((server.reason == .closedLocally) == (policy == .isEndOfInput))
            }
        }
    }

    @Test("a handshake that stands still is ended in time", arguments: grounds)
    func silence(ground: Ground) throws {
        try onLoop(ground) { loop in
            let told = Told()
            var options = TLSServerOptions()
            options.handshakeTimeout = .milliseconds(50)
            options.handshakeFailed = { _, reason in told.reasons.withLock { $0.append(reason) } }
            let pair = try Pair(server: options)
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { _ in Echo() }
            let recorder = Recorder()
            _ = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in recorder }
            await recorder.wait(on: loop) { $0.reason != nil }
            #expect(told.reasons.withLock { $0.count } == 1)
            #expect(pair.server.statistics == TLSStatistics(failed: 1))
        }
    }

    @Test("hundreds that come and go in all states leave nothing behind", arguments: kernels)
    func churn(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try Pair()
            let hello = try await hello(pair, on: loop)
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { _ in Echo() }
            for round in 0..<200 {
                let security = round % 2 == 0 ? pair.client.peer("localhost") : nil
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10), security: security
                ) { _ in Recorder() }
                if security == nil { channel.write(Array(hello[..<(round % 100)]), on: loop) }
                if round % 3 == 0 { channel.write([UInt8](repeating: 1, count: 50_000), on: loop) }
                if round % 5 == 0 { channel.flush(on: loop) }
                if round % 7 == 0 { channel.close(on: loop) } else { channel.abort(on: loop) }
            }
            listener.close(on: loop)
            while loop.resourceCount > 0 { await loop.sleep(for: .milliseconds(1)) }
        }
    }
}

private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

private final class RelayHolder {
    var relay: Relay?
}

/// Passes on what it gets, in pieces of one byte or whole; it can damage what the client says.
private final class Relay: ChannelHandler {
    private let client: Channel
    private let whole: Bool
    private var server: Channel?
    private var waiting: [UInt8] = []
    private var isSending = false
    var damages = false

    init(
        _ client: Channel, to address: SocketAddress, whole: Bool = false,
        on loop: isolated EventLoop
    ) {
        self.client = client
        self.whole = whole
        loop.spawn {
            self.server = try? await loop.connect(to: address, timeout: .seconds(10)) { _ in
                Back(client, whole: whole)
            }
            self.forward(on: loop)
        }
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        waiting += bytes.array
        forward(on: loop)
    }

    private func forward(on loop: isolated EventLoop) {
        guard let server, !isSending, !waiting.isEmpty else { return }
        if damages { waiting[waiting.count - 1] ^= 1 }
        let bytes = waiting
        waiting = []
        isSending = true
        loop.spawn {
            await send(bytes, to: server, whole: self.whole, on: loop)
            self.isSending = false
            self.forward(on: loop)
        }
    }

    /// Ends the connection to the server without what TLS says at the end.
    func cut(on loop: isolated EventLoop) { server?.shutdownOutput(on: loop) }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        server?.close(on: loop)
    }
}

/// The way back.
private final class Back: ChannelHandler {
    private let client: Channel
    private let whole: Bool
    private var waiting: [UInt8] = []
    private var isSending = false
    private var hasEnded = false

    init(_ client: Channel, whole: Bool) {
        self.client = client
        self.whole = whole
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        waiting += bytes.array
        forward(on: loop)
    }

    private func forward(on loop: isolated EventLoop) {
        guard !isSending else { return }
        guard !waiting.isEmpty else {
            if hasEnded { client.close(on: loop) }
            return
        }
        let bytes = waiting
        waiting = []
        isSending = true
        loop.spawn {
            await send(bytes, to: self.client, whole: self.whole, on: loop)
            self.isSending = false
            self.forward(on: loop)
        }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        hasEnded = true
        forward(on: loop)
    }
}

private func send(
    _ bytes: [UInt8], to channel: Channel, whole: Bool, on loop: isolated EventLoop
) async {
    if whole { return channel.write(bytes, on: loop) }
    for byte in bytes {
        channel.write([byte], on: loop)
        channel.flush(on: loop)
        // In simulation, which is what this is for, time costs nothing.
        await loop.sleep(for: .milliseconds(1))
    }
}
