import Bytes
import Reactor
import TLS
import TestSupport
import Testing

@Suite("TLS connections", .serialized)
struct ConnectionTests {
    @Test("a mebibyte goes there and back", arguments: grounds, [TLSVersion.tls12, .tls13])
    func bulk(ground: Ground, version: TLSVersion) throws {
        try onLoop(ground) { loop in
            var options = TLSServerOptions()
            options.maximumVersion = version
            let pair = try Pair(server: options)
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { _ in Echo() }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10),
                security: pair.client.peer("localhost")
            ) { _ in recorder }
            var sent: [UInt8] = []
            for index in 0..<70 {
                let chunk = (0..<(1 + index * 450)).map { UInt8(truncatingIfNeeded: $0 &+ index) }
                sent += chunk
                if index % 2 == 0 {
                    channel.write(chunk, on: loop)
                } else {
                    channel.write(SharedBytes(chunk), on: loop)
                }
                if index % 9 == 0 { await loop.yield() }
            }
            let total = sent.count
            #expect(total > 1 << 20)
            await recorder.wait(on: loop) { $0.bytes.count == total }
            #expect(recorder.bytes == sent)
            #expect(channel.pendingBytes == 0)
            #expect(
                (channel.filter as? TLSConnection)?.version
                    == (version == .tls12 ? "TLSv1.2" : "TLSv1.3"))
            channel.close(on: loop)
            await recorder.wait(on: loop) { $0.reason != nil }
            #expect(recorder.reason == .closedLocally)
            #expect(pair.server.statistics == TLSStatistics(completed: 1))
        }
    }

    @Test("a half-close arrives behind the data, and the answer still comes", arguments: grounds)
    func halfClose(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try Pair()
            let server = Recorder()
            server.closesOnEnd = false
            let accepted = Holder()
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { channel in
                accepted.channel = channel
                return server
            }
            let client = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10),
                security: pair.client.peer("localhost")
            ) { _ in client }
            channel.write([UInt8](repeating: 1, count: 100_000), on: loop)
            channel.shutdownOutput(on: loop)
            await server.wait(on: loop) { $0.inputHasEnded }
            #expect(server.bytes.count == 100_000)
            accepted.channel?.write([UInt8](repeating: 2, count: 200_000), on: loop)
            accepted.channel?.close(on: loop)
            await client.wait(on: loop) { $0.reason != nil }
            #expect(client.bytes.count == 200_000)
            #expect(client.inputHasEnded)
            #expect(client.reason == .closedLocally)
        }
    }

    @Test("a peer that does not read fills the queue and no more", arguments: grounds)
    func backpressure(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try Pair()
            let accepted = Holder()
            let server = Recorder()
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { channel in
                accepted.channel = channel
                channel.pauseReading(on: loop)
                return server
            }
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10),
                security: pair.client.peer("localhost")
            ) { _ in Recorder() }
            var written = 0
            while channel.isWritable {
                channel.write([UInt8](repeating: 1, count: 100_000), on: loop)
                written += 100_000
                await loop.yield()
                // The kernel has room for some megabytes.
                try #require(written < 200_000_000)
            }
            #expect(server.bytes.isEmpty)
            #expect(channel.pendingBytes >= 1 << 20)
            accepted.channel?.resumeReading(on: loop)
            await server.wait(on: loop) { $0.bytes.count == written }
            #expect(channel.isWritable)
        }
    }

    @Test("pausing in the middle of what was received holds back the rest", arguments: grounds)
    func pausing(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try Pair()
            let server = Sipper(loop)
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { _ in server }
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10),
                security: pair.client.peer("localhost")
            ) { _ in Recorder() }
            // Many small records, so that one receive brings several.
            var sent: [UInt8] = []
            for index in 0..<300 {
                let chunk = [UInt8](repeating: UInt8(index % 251), count: 1 + index % 90)
                sent += chunk
                channel.write(chunk, on: loop)
                channel.flush(on: loop)
            }
            channel.shutdownOutput(on: loop)
            await server.recorder.wait(on: loop) { $0.inputHasEnded }
            #expect(server.recorder.bytes == sent)
            #expect(!server.wasCalledWhilePaused)
        }
    }

    @Test("both ends agree on a protocol, or the client is refused", arguments: kernels)
    func protocols(ground: Ground) throws {
        try onLoop(ground) { loop in
            var server = TLSServerOptions()
            server.applicationProtocols = ["http/1.1"]
            var client = TLSClientOptions()
            client.applicationProtocols = ["h2", "http/1.1"]
            let pair = try Pair(server: server, client: client)
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { _ in Echo() }
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10),
                security: pair.client.peer("localhost")
            ) { _ in Recorder() }
            #expect((channel.filter as? TLSConnection)?.applicationProtocol == "http/1.1")
            client.applicationProtocols = ["h2"]
            client.trust = .anyone
            let other = try TLSClientContext(options: client)
            let error = await connectError(
                listener.localAddress, other.peer("localhost"), on: loop)
            #expect(error?.detail?.contains("no application protocol") == true, "\(error as Any)")
            #expect(pair.server.statistics == TLSStatistics(completed: 1, failed: 1))
        }
    }

    @Test("a returning client resumes, also over a change of keys", arguments: kernels, 0..<2)
    func resumption(ground: Ground, round: Int) throws {
        try onLoop(ground) { loop in
            var client = TLSClientOptions()
            client.maximumVersion = round == 0 ? .tls12 : .tls13
            let pair = try Pair(client: client)
            let listener = try loop.listen(on: .loopback(), options: pair.listening) { _ in Echo() }
            let peer = pair.client.peer("localhost")
            var resumed: [Bool] = []
            for step in 0..<5 {
                if step == 2 { pair.server.rotateTicketKey() }
                if step == 4 {
                    pair.server.rotateTicketKey()
                    pair.server.rotateTicketKey()
                }
                let recorder = Recorder()
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10), security: peer
                ) { _ in recorder }
                resumed.append((channel.filter as? TLSConnection)?.isResumed == true)
                // The ticket of TLS 1.3 comes after the handshake, before the echo.
                channel.write([1], on: loop)
                await recorder.wait(on: loop) { $0.bytes.count == 1 }
                channel.close(on: loop)
                await recorder.wait(on: loop) { $0.reason != nil }
            }
            #expect(resumed == [false, true, true, true, false])
            #expect(pair.server.statistics == TLSStatistics(completed: 5, resumed: 3))
        }
    }
}

/// Pauses after each call and resumes a little later.
final class Sipper: ChannelHandler {
    let recorder = Recorder()
    private let loop: EventLoop
    private var isPaused = false
    private(set) var wasCalledWhilePaused = false

    init(_ loop: EventLoop) { self.loop = loop }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        if isPaused { wasCalledWhilePaused = true }
        isPaused = true
        channel.pauseReading(on: loop)
        recorder.received(bytes, from: channel, on: loop)
        loop.schedule(after: .microseconds(1)) {
            self.isPaused = false
            channel.resumeReading(on: loop)
        }
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        if isPaused { wasCalledWhilePaused = true }
        recorder.inputEnded(channel, on: loop)
    }
}
