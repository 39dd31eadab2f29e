import Bytes
import Reactor
import TestSupport
import Testing

/// What a filter may rely on, and what handlers see of one: shown with one that only scrambles.
@Suite("Filters", .serialized)
struct FilterTests {
    static let options = ListenerOptions(security: Scrambling())

    @Test("what is written arrives, through a handshake and in records", arguments: grounds)
    func bulk(ground: Ground) throws {
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: .loopback(), options: Self.options) { _ in Echo() }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10), security: Scrambling()
            ) { _ in recorder }
            var sent: [UInt8] = []
            for index in 0..<60 {
                let chunk = [UInt8](repeating: UInt8(index), count: 1 + index * 613 % 29_000)
                sent += chunk
                if index % 2 == 0 {
                    channel.write(chunk, on: loop)
                } else {
                    channel.write(SharedBytes(chunk), on: loop)
                }
                if index % 7 == 0 { await loop.yield() }
            }
            let total = sent.count
            await recorder.wait(on: loop) { $0.bytes.count == total }
            #expect(recorder.bytes == sent)
            #expect(channel.pendingBytes == 0)
            channel.close(on: loop)
            await recorder.wait(on: loop) { $0.reason != nil }
            #expect(recorder.reason == .closedLocally)
        }
    }

    @Test("what an accepted channel writes at once waits for the handshake", arguments: grounds)
    func greeting(ground: Ground) throws {
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: .loopback(), options: Self.options) { channel in
                channel.write(Array("welcome".utf8), on: loop)
                channel.close(on: loop)
                return Recorder()
            }
            let recorder = Recorder()
            _ = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10), security: Scrambling()
            ) { _ in recorder }
            await recorder.wait(on: loop) { $0.reason != nil }
            #expect(recorder.bytes == Array("welcome".utf8))
            #expect(recorder.inputHasEnded)
        }
    }

    @Test("pausing holds back plaintext too, and loses none", arguments: grounds, 0..<4)
    func pauses(ground: Ground, seed: Int) throws {
        try onLoop(ground) { loop in
            let server = PausingRecorder(seed: seed)
            let listener = try loop.listen(on: .loopback(), options: Self.options) { _ in server }
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10), security: Scrambling()
            ) { _ in Recorder() }
            var sent: [UInt8] = []
            for round in 0..<60 {
                let chunk = [UInt8](repeating: UInt8(round), count: 1 + round * 97 % 20_000)
                sent += chunk
                channel.write(chunk, on: loop)
                if round % 3 == 0 { await loop.yield() }
            }
            channel.shutdownOutput(on: loop)
            await server.wait(on: loop) { $0.inputHasEnded }
            #expect(server.bytes == sent)
            #expect(!server.wasCalledWhilePaused)
        }
    }

    @Test("a peer that does not read fills the queue and no more", arguments: grounds)
    func backpressure(ground: Ground) throws {
        try onLoop(ground) { loop in
            let accepted = Holder()
            let server = Recorder()
            let listener = try loop.listen(on: .loopback(), options: Self.options) { channel in
                accepted.channel = channel
                channel.pauseReading(on: loop)
                return server
            }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10), security: Scrambling()
            ) { _ in recorder }
            var written = 0
            while channel.isWritable {
                channel.write([UInt8](repeating: 1, count: 100_000), on: loop)
                written += 100_000
                await loop.yield()
                // The kernel has room for some megabytes.
                try #require(written < 200_000_000)
            }
            #expect(channel.pendingBytes >= 1 << 20)
            accepted.channel?.resumeReading(on: loop)
            await server.wait(on: loop) { $0.bytes.count == written }
            #expect(channel.isWritable)
        }
    }

    @Test("a filter's failure is told once its last words are out", arguments: grounds)
    func failure(ground: Ground) throws {
        try onLoop(ground) { loop in
            let server = Recorder()
            let listener = try loop.listen(on: .loopback(), options: Self.options) { _ in server }
            let client = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in client }
            channel.write(Array("GET / HTTP/1.1\r\n\r\n".utf8), on: loop)
            await server.wait(on: loop) { $0.reason != nil }
            #expect(server.reason == .failed(Scrambler.unwelcome))
            await client.wait(on: loop) { $0.reason != nil }
            #expect(client.bytes == Array("!?".utf8))
        }
    }

    @Test("connecting throws what the handshake found, in time", arguments: grounds, 0..<3)
    func connectFails(ground: Ground, way: Int) throws {
        try onLoop(ground) { loop in
            let holder = Holder()
            let listener = try loop.listen(on: .loopback()) { channel in
                holder.channel = channel
                if way == 0 { channel.write(Array("?".utf8), on: loop) }
                if way == 1 { channel.close(on: loop) }
                return Recorder()
            }
            do throws(SystemError) {
                _ = try await loop.connect(
                    to: listener.localAddress, timeout: .milliseconds(way == 2 ? 200 : 10_000),
                    security: Scrambling()
                ) { _ in Recorder() }
                Issue.record("connected")
            } catch {
                #expect(error.isTimeout == (way == 2))
                if way == 0 { #expect(error == Scrambler.unwelcome) }
            }
            holder.channel?.abort(on: loop)
            while loop.resourceCount > 1 { await loop.sleep(for: .milliseconds(1)) }
        }
    }

    @Test("a handler that writes whenever it may is not left waiting", arguments: grounds)
    func eagerWriter(ground: Ground) throws {
        try onLoop(ground) { loop in
            let listener = try loop.listen(
                on: .loopback(),
                options: ListenerOptions(channel: ChannelOptions(highWaterMark: 1, lowWaterMark: 1))
            ) { channel in
                let writer = EagerWriter()
                writer.writabilityChanged(channel, on: loop)
                return writer
            }
            let recorder = Recorder()
            _ = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in recorder }
            await recorder.wait(on: loop) { $0.bytes.count == 50 }
        }
    }
}

/// Writes one byte each time that it may.
private final class EagerWriter: ChannelHandler {
    private var left = 50

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {}

    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {
        guard channel.isWritable, left > 0 else { return }
        left -= 1
        channel.write([7], on: loop)
    }
}

final class Scrambling: ChannelSecurity {
    func makeFilter(on loop: isolated EventLoop) throws(SystemError) -> any ChannelFilter {
        Scrambler()
    }
}

/// Both ends begin with `!`; then come records of two bytes of length and scrambled bytes. An empty
/// one is the end.
final class Scrambler: ChannelFilter {
    static let unwelcome = SystemError("handshake", code: 71, detail: "not a scrambler")

    let recordBytesMax = 1000
    private var isGreeted = false
    private var isBroken = false
    private var input: [UInt8] = []

    func begin(_ stream: FilteredStream, on loop: isolated EventLoop) {
        stream.send([UInt8(ascii: "!")].span.bytes)
    }

    func received(
        _ bytes: RawSpan, by stream: FilteredStream, on loop: isolated EventLoop
    ) -> Int {
        var used = 0
        let bytes = bytes.array
        while used < bytes.count, !isBroken, !isGreeted || stream.canDeliver {
            input.append(bytes[used])
            used += 1
            step(stream, on: loop)
        }
        return isBroken ? bytes.count : used
    }

    private func step(_ stream: FilteredStream, on loop: isolated EventLoop) {
        guard isGreeted else {
            guard input == [UInt8(ascii: "!")] else {
                isBroken = true
                stream.send([UInt8(ascii: "?")].span.bytes)
                return stream.fail(Scrambler.unwelcome, on: loop)
            }
            isGreeted = true
            input = []
            return stream.established(on: loop)
        }
        guard input.count >= 2 else { return }
        let length = Int(input[0]) << 8 | Int(input[1])
        guard input.count == 2 + length else { return }
        let plain = input[2...].map { $0 ^ 0x5a }
        input = []
        if length == 0 {
            stream.endInput(on: loop)
        } else {
            stream.deliver(plain.span.bytes, on: loop)
        }
    }

    func inputEnded(of stream: FilteredStream, on loop: isolated EventLoop) {
        stream.fail(SystemError("recv", code: 5, detail: "cut short"), on: loop)
    }

    func encode(_ bytes: RawSpan, for stream: FilteredStream, on loop: isolated EventLoop) {
        let length = [UInt8(bytes.byteCount >> 8), UInt8(bytes.byteCount & 0xff)]
        stream.send((length + bytes.array.map { $0 ^ 0x5a }).span.bytes)
    }

    func finishOutput(of stream: FilteredStream, on loop: isolated EventLoop) {
        stream.send([UInt8](repeating: 0, count: 2).span.bytes)
    }

    func closed(on loop: isolated EventLoop) {}
}
