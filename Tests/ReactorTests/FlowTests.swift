import Bytes
import Reactor
import TestSupport
import Testing

/// Pausing, ending and failing in unfavourable moments.
@Suite("Flow of channels", .serialized)
struct FlowTests {
    @Test("pausing and resuming neither loses nor reorders", arguments: grounds, 0..<4)
    func pauses(ground: Ground, seed: Int) throws {
        try onLoop(ground) { loop in
            let server = PausingRecorder(seed: seed)
            let listener = try loop.listen(on: .loopback()) { _ in server }
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in Recorder() }
            var sent: [UInt8] = []
            for round in 0..<200 {
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

    @Test("what came before a pause's FIN is told before it", arguments: grounds)
    func endWhilePaused(ground: Ground) throws {
        try onLoop(ground) { loop in
            let server = Recorder()
            let accepted = Holder()
            let listener = try loop.listen(on: .loopback()) { channel in
                accepted.channel = channel
                return server
            }
            let client = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in client }
            while accepted.channel == nil { await loop.yield() }
            // Let the backend arm what it arms before the pause.
            await loop.sleep(for: .milliseconds(1))
            accepted.channel?.pauseReading(on: loop)
            channel.write([UInt8](repeating: 3, count: 50_000), on: loop)
            channel.shutdownOutput(on: loop)
            await loop.sleep(for: .milliseconds(5))
            #expect(server.bytes.isEmpty)
            #expect(!server.inputHasEnded)
            accepted.channel?.resumeReading(on: loop)
            await server.wait(on: loop) { $0.inputHasEnded }
            #expect(server.bytes.count == 50_000)
            await client.wait(on: loop) { $0.reason != nil }
        }
    }

    @Test("a reset is noticed although the peer's input has ended", arguments: grounds)
    func resetAfterEnd(ground: Ground) throws {
        try onLoop(ground) { loop in
            let server = Recorder()
            server.closesOnEnd = false
            let listener = try loop.listen(on: .loopback()) { _ in server }
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in Recorder() }
            channel.shutdownOutput(on: loop)
            await server.wait(on: loop) { $0.inputHasEnded }
            channel.abort(on: loop)
            await server.wait(on: loop) { $0.reason != nil }
            #expect(server.reason == .reset)
        }
    }

    @Test("more senders at once than there are receive buffers", arguments: kernels)
    func crowd(ground: Ground) throws {
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: .loopback()) { _ in Echo() }
            let payload = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            var clients: [(Channel, Recorder)] = []
            for _ in 0..<400 {
                let recorder = Recorder()
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10)
                ) { _ in recorder }
                clients.append((channel, recorder))
            }
            for (channel, _) in clients { channel.write(payload, on: loop) }
            for (_, recorder) in clients {
                await recorder.wait(on: loop) { $0.bytes.count == payload.count }
                #expect(recorder.bytes == payload)
            }
        }
    }

    @Test("aborting while the kernel still holds output lets go of it", arguments: grounds)
    func abortInFlight(ground: Ground) throws {
        try onLoop(ground) { loop in
            let servers = Holder()
            let listener = try loop.listen(on: .loopback()) { channel in
                servers.channel = channel
                channel.pauseReading(on: loop)
                return Recorder()
            }
            for round in 0..<10 {
                let recorder = Recorder()
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10)
                ) { _ in recorder }
                let bytes = SharedBytes([UInt8](repeating: 9, count: 8_000_000))
                channel.write(bytes, on: loop)
                channel.write([1, 2, 3], on: loop)
                channel.flush(on: loop)
                // In odd rounds nothing has been submitted yet.
                if round % 2 == 0 { await loop.sleep(for: .milliseconds(1)) }
                channel.abort(on: loop)
                #expect(recorder.reason == .closedLocally)
            }
            while loop.resourceCount > 1 { await loop.sleep(for: .milliseconds(1)) }
        }
    }

    @Test("a closed listener's address is free at once", arguments: grounds)
    func relisten(ground: Ground) throws {
        try onLoop(ground) { loop in
            var listener = try loop.listen(on: .loopback()) { _ in Echo() }
            let address = listener.localAddress
            for _ in 0..<20 {
                await loop.sleep(for: .milliseconds(1))
                listener.close(on: loop)
                listener = try loop.listen(on: address) { _ in Echo() }
            }
        }
    }

    @Test("connections that nobody accepts any more do not leak", arguments: kernels)
    func lateAccept(ground: Ground) throws {
        try onLoop(ground) { loop in
            for _ in 0..<10 {
                let listener = try loop.listen(on: .loopback()) { _ in Echo() }
                await loop.sleep(for: .milliseconds(1))
                // The loop has no chance to accept these before it closes the listener.
                let sockets = (0..<5).map { _ in connectBlocking(to: listener.localAddress) }
                listener.close(on: loop)
                // Accepted or not, the other end closes; nobody would close one that leaked.
                for socket in sockets {
                    shutDownOutput(of: socket)
                    var turns = 0
                    while !inputHasEnded(of: socket), turns < 30_000 {
                        await loop.sleep(for: .milliseconds(1))
                        turns += 1
                    }
                    #expect(inputHasEnded(of: socket))
                    closeDescriptor(socket)
                }
            }
        }
    }
}

/// A recorder that pauses at random after what it receives, and resumes by a timer or a task.
final class PausingRecorder: ChannelHandler {
    private let recorder = Recorder()
    private var random: Generator
    private var isPaused = false
    private(set) var wasCalledWhilePaused = false

    init(seed: Int) {
        random = Generator(state: UInt64(seed))
        recorder.closesOnEnd = false
    }

    var bytes: [UInt8] { recorder.bytes }

    func wait(on loop: isolated EventLoop, until condition: @escaping (Recorder) -> Bool) async {
        await recorder.wait(on: loop, until: condition)
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        if isPaused { wasCalledWhilePaused = true }
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
            channel.pauseReading(on: loop)
            channel.resumeReading(on: loop)
        case 1, 2:
            isPaused = true
            channel.pauseReading(on: loop)
            loop.schedule(after: .milliseconds(1)) { self.resume(channel, on: loop) }
        case 3:
            isPaused = true
            channel.pauseReading(on: loop)
            loop.spawn { self.resume(channel, on: loop) }
        default: break
        }
        recorder.received(bytes, from: channel, on: loop)
    }

    private func resume(_ channel: Channel, on loop: isolated EventLoop) {
        isPaused = false
        channel.resumeReading(on: loop)
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        if isPaused { wasCalledWhilePaused = true }
        recorder.inputEnded(channel, on: loop)
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        recorder.closed(channel, reason: reason, on: loop)
    }
}
