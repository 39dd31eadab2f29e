import Bytes
import Glibc
import Reactor
import ReactorTesting
import TestSupport
import Testing

/// Ends of connections: each direction for itself, both, in order and by force.
@Suite("Closing", .serialized)
struct ClosingTests {
    /// A server's end and a client's.
    private struct Pair {
        var server: Channel
        var serverLog: Recorder
        var client: Channel
        var clientLog: Recorder
        var listener: Listener
    }

    private func connect(
        _ options: ChannelOptions = ChannelOptions(), on loop: isolated EventLoop
    ) async throws -> Pair {
        let holder = Holder()
        let (serverLog, clientLog) = (Recorder(), Recorder())
        serverLog.closesOnEnd = false
        clientLog.closesOnEnd = false
        let listener = try loop.listen(
            on: .loopback(), options: ListenerOptions(channel: options)
        ) { channel in
            holder.channel = channel
            return serverLog
        }
        let client = try await loop.connect(
            to: listener.localAddress, timeout: .seconds(10), options: options
        ) { _ in clientLog }
        while holder.channel == nil { await loop.sleep(for: .milliseconds(1)) }
        return Pair(
            server: try #require(holder.channel), serverLog: serverLog, client: client,
            clientLog: clientLog, listener: listener)
    }

    @Test("the FIN comes behind everything that was written before", arguments: grounds)
    func finBehindOutput(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try await connect(on: loop)
            pair.server.pauseReading(on: loop)
            pair.client.write(pattern(2_000_000), on: loop)
            pair.client.shutdownOutput(on: loop)
            pair.client.write([1, 2, 3], on: loop)
            await loop.sleep(for: .milliseconds(2))
            #expect(!pair.serverLog.inputHasEnded)
            pair.server.resumeReading(on: loop)
            await pair.serverLog.wait(on: loop) { $0.inputHasEnded }
            #expect(pair.serverLog.bytes == pattern(2_000_000))
            #expect(pair.client.pendingBytes == 0)
            #expect(!pair.client.isClosed)
        }
    }

    @Test("after the peer's FIN there is time to answer at length", arguments: grounds)
    func answerAfterFin(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try await connect(on: loop)
            pair.client.write([1], on: loop)
            pair.client.shutdownOutput(on: loop)
            await pair.serverLog.wait(on: loop) { $0.inputHasEnded }
            pair.server.write(pattern(3_000_000), on: loop)
            pair.server.close(on: loop)
            await pair.clientLog.wait(on: loop) { $0.inputHasEnded }
            #expect(pair.clientLog.bytes == pattern(3_000_000))
            // Both FINs are out, so neither end has anything to wait for.
            pair.client.close(on: loop)
            await pair.clientLog.wait(on: loop) { $0.reason != nil }
            await pair.serverLog.wait(on: loop) { $0.reason != nil }
            #expect(pair.serverLog.reason == .closedLocally)
            #expect(pair.clientLog.reason == .closedLocally)
            pair.listener.close(on: loop)
            #expect(loop.resourceCount == 0)
        }
    }

    @Test("both directions end at the same time", arguments: grounds)
    func both(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try await connect(on: loop)
            for channel in [pair.server, pair.client] {
                channel.write(pattern(200_000), on: loop)
                channel.close(on: loop)
            }
            await pair.clientLog.wait(on: loop) { $0.reason != nil }
            await pair.serverLog.wait(on: loop) { $0.reason != nil }
            #expect(pair.serverLog.reason == .closedLocally)
            #expect(pair.clientLog.reason == .closedLocally)
        }
    }

    @Test("closing over unread input still delivers what was written", arguments: grounds)
    func unreadInput(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try await connect(on: loop)
            pair.server.pauseReading(on: loop)
            pair.client.write(pattern(150_000), on: loop)
            await loop.sleep(for: .milliseconds(5))
            pair.server.write(pattern(1000), on: loop)
            pair.server.close(on: loop)
            await pair.clientLog.wait(on: loop) { $0.inputHasEnded || $0.reason != nil }
            #expect(pair.clientLog.bytes == pattern(1000))
            #expect(pair.clientLog.reason == nil)
            pair.client.close(on: loop)
            await pair.serverLog.wait(on: loop) { $0.reason != nil }
            #expect(pair.serverLog.reason == .closedLocally)
        }
    }

    @Test("closing without lingering does not wait for the peer", arguments: grounds)
    func withoutLingering(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try await connect(on: loop)
            pair.server.write(pattern(1000), on: loop)
            pair.server.close(lingering: false, on: loop)
            await pair.serverLog.wait(on: loop) { $0.reason != nil }
            #expect(pair.serverLog.reason == .closedLocally)
            await pair.clientLog.wait(on: loop) { $0.inputHasEnded }
            #expect(pair.clientLog.bytes == pattern(1000))
        }
    }

    @Test("aborting destroys what was queued, and the peer sees a reset", arguments: grounds)
    func abort(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try await connect(on: loop)
            pair.client.pauseReading(on: loop)
            pair.server.write(pattern(8_000_000), on: loop)
            pair.server.flush(on: loop)
            await loop.sleep(for: .milliseconds(2))
            pair.server.abort(on: loop)
            #expect(pair.serverLog.reason == .closedLocally)
            #expect(pair.server.isClosed)
            await pair.clientLog.wait(on: loop) { $0.reason != nil }
            #expect(pair.clientLog.reason == .reset)
            #expect(pair.clientLog.bytes.count < 8_000_000)
        }
    }

    @Test("a peer that never reads costs the marks and the linger time", arguments: grounds)
    func neverReads(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try await connect(
                ChannelOptions(
                    highWaterMark: 100_000, lowWaterMark: 10_000, lingerTimeout: .milliseconds(50)),
                on: loop)
            pair.client.pauseReading(on: loop)
            var rounds = 0
            // What the kernel takes is a few megabytes.
            while rounds < 50 {
                while pair.server.isWritable { pair.server.write(pattern(30_000), on: loop) }
                await loop.sleep(for: .milliseconds(1))
                rounds = pair.server.isWritable ? 0 : rounds + 1
                #expect(pair.server.pendingBytes < 130_000)
            }
            pair.server.close(on: loop)
            await pair.serverLog.wait(on: loop) { $0.reason != nil }
            pair.client.resumeReading(on: loop)
            await pair.clientLog.wait(on: loop) { $0.reason != nil }
            #expect(pair.clientLog.reason == .reset)
        }
    }

    @Test("a peer that never reads is given up by the kernel where asked to", arguments: kernels)
    func unacknowledged(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try await connect(
                ChannelOptions(unacknowledgedTimeout: .milliseconds(100)), on: loop)
            pair.client.pauseReading(on: loop)
            pair.server.write([UInt8](repeating: 1, count: 30_000_000), on: loop)
            await pair.serverLog.wait(on: loop) { $0.reason != nil }
            guard case .failed(let error) = pair.serverLog.reason else {
                Issue.record("\(String(describing: pair.serverLog.reason))")
                return
            }
            #expect(error.isTimeout)
        }
    }

    @Test("a peer that sends byte by byte is understood", arguments: grounds)
    func byteByByte(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try await connect(on: loop)
            let bytes = pattern(3000)
            for byte in bytes {
                pair.client.write([byte], on: loop)
                pair.client.flush(on: loop)
                await loop.yield()
            }
            await pair.serverLog.wait(on: loop) { $0.bytes.count == bytes.count }
            #expect(pair.serverLog.bytes == bytes)
            #expect(pair.serverLog.reason == nil)
        }
    }
}
