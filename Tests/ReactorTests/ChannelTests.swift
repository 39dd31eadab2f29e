import Bytes
import Reactor
import TestSupport
import Testing

@Suite("Channels", .serialized)
struct ChannelTests {
    @Test("echo over IPv4, IPv6 and a Unix socket", arguments: grounds, 0..<3)
    func echo(ground: Ground, family: Int) throws {
        let path = temporaryPath("echo")
        let address: SocketAddress =
            switch family {
            case 0: .loopback()
            case 1: .ipv6(1, port: 0, scope: 0)
            default: .unix(path: path)
            }
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: address) { _ in Echo() }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in recorder }
            channel.write(Array("hello ".utf8), on: loop)
            channel.write(SharedBytes("shared"), on: loop)
            channel.write(Array(" bye".utf8), on: loop)
            await recorder.wait(on: loop) { $0.bytes.count == 16 }
            #expect(String(decoding: recorder.bytes, as: UTF8.self) == "hello shared bye")
            channel.close(on: loop)
            await recorder.wait(on: loop) { $0.reason != nil }
            #expect(recorder.reason == .closedLocally)
            listener.close(on: loop)
        }
    }

    @Test(
        "megabytes arrive whole and in order through a full socket",
        arguments: kernels + [.simulated(seed: 9, rough: true)])
    func bulk(ground: Ground) throws {
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: .loopback()) { _ in Echo() }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in recorder }
            var sent: [UInt8] = []
            for index in 0..<400 {
                let chunk = [UInt8](
                    repeating: UInt8(truncatingIfNeeded: index), count: 30_000 - index)
                sent += chunk
                if index % 2 == 0 {
                    channel.write(chunk, on: loop)
                } else {
                    channel.write(SharedBytes(chunk), on: loop)
                }
            }
            #expect(!channel.isWritable)
            let total = sent.count
            await recorder.wait(on: loop) { $0.bytes.count == total }
            #expect(recorder.bytes == sent)
            #expect(channel.isWritable)
            #expect(recorder.writabilityChanges == 2)
            #expect(channel.pendingBytes == 0)
        }
    }

    @Test("a peer that does not read fills the queue and no more", arguments: grounds)
    func backpressure(ground: Ground) throws {
        try onLoop(ground) { loop in
            let server = Recorder()
            let accepted = Holder()
            let listener = try loop.listen(on: .loopback()) { channel in
                accepted.channel = channel
                channel.pauseReading(on: loop)
                return server
            }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in recorder }
            while accepted.channel == nil { await loop.yield() }
            accepted.channel?.pauseReading(on: loop)
            let chunk = SharedBytes([UInt8](repeating: 1, count: 65536))
            var written = 0
            while channel.isWritable {
                channel.write(chunk, on: loop)
                channel.flush(on: loop)
                written += chunk.count
                await loop.yield()
            }
            #expect(channel.pendingBytes >= 1 << 20)
            #expect(server.bytes.isEmpty)
            accepted.channel?.resumeReading(on: loop)
            let total = written
            await server.wait(on: loop) { $0.bytes.count == total }
            #expect(channel.isWritable)
        }
    }

    @Test("close writes what is queued first", arguments: grounds)
    func closeFlushes(ground: Ground) throws {
        try onLoop(ground) { loop in
            let big = [UInt8](repeating: 5, count: 3_000_000)
            let server = Recorder()
            let listener = try loop.listen(on: .loopback()) { channel in
                channel.write(big, on: loop)
                channel.close(on: loop)
                channel.write([1], on: loop)
                return server
            }
            let recorder = Recorder()
            _ = try await loop.connect(to: listener.localAddress, timeout: .seconds(10)) { _ in
                recorder
            }
            await recorder.wait(on: loop) { $0.reason != nil }
            #expect(recorder.bytes.count == big.count)
            #expect(recorder.inputHasEnded)
            await server.wait(on: loop) { $0.reason != nil }
        }
    }

    @Test("half-close: the peer's FIN leaves our output open", arguments: grounds)
    func halfClose(ground: Ground) throws {
        try onLoop(ground) { loop in
            let server = Recorder()
            server.closesOnEnd = false
            let accepted = Holder()
            let listener = try loop.listen(on: .loopback()) { channel in
                accepted.channel = channel
                return server
            }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in recorder }
            channel.write(Array("last words".utf8), on: loop)
            channel.shutdownOutput(on: loop)
            await server.wait(on: loop) { $0.inputHasEnded }
            #expect(server.bytes.count == 10)
            accepted.channel?.write(Array("still here".utf8), on: loop)
            accepted.channel?.close(on: loop)
            await recorder.wait(on: loop) { $0.reason != nil }
            #expect(recorder.bytes.count == 10)
        }
    }

    @Test("a reset is told as one", arguments: grounds)
    func reset(ground: Ground) throws {
        try onLoop(ground) { loop in
            let server = Recorder()
            let listener = try loop.listen(on: .loopback()) { _ in server }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in recorder }
            channel.write([1], on: loop)
            await server.wait(on: loop) { !$0.bytes.isEmpty }
            channel.abort(on: loop)
            #expect(recorder.reason == .closedLocally)
            await server.wait(on: loop) { $0.reason != nil }
            #expect(server.reason == .reset)
        }
    }

    @Test("a reset is noticed while reading is paused", arguments: grounds)
    func resetWhilePaused(ground: Ground) throws {
        try onLoop(ground) { loop in
            let server = Recorder()
            let accepted = Holder()
            let listener = try loop.listen(on: .loopback()) { channel in
                accepted.channel = channel
                return server
            }
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in Recorder() }
            while accepted.channel == nil { await loop.yield() }
            accepted.channel?.pauseReading(on: loop)
            channel.abort(on: loop)
            await server.wait(on: loop) { $0.reason != nil }
            #expect(server.reason == .reset)
        }
    }

    @Test("connecting to nobody fails with ECONNREFUSED", arguments: grounds)
    func refused(ground: Ground) throws {
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: .loopback()) { _ in Echo() }
            let address = listener.localAddress
            listener.close(on: loop)
            let before = loop.resourceCount
            await #expect(throws: SystemError("connect", code: 111)) {
                _ = try await loop.connect(to: address, timeout: .seconds(10)) { _ in Echo() }
            }
            #expect(loop.resourceCount == before)
        }
    }

    @Test("a taken address is an error", arguments: grounds)
    func inUse(ground: Ground) throws {
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: .loopback()) { _ in Echo() }
            #expect(throws: SystemError("bind", code: 98)) {
                try loop.listen(on: listener.localAddress) { _ in Echo() }
            }
        }
    }

    @Test("a stale Unix socket is replaced, a live one is not", arguments: kernels)
    func staleUnixSocket(ground: Ground) throws {
        let path = temporaryPath("stale")
        try onLoop(ground) { loop in
            leaveStaleSocket(at: path)
            let listener = try loop.listen(on: .unix(path: path)) { _ in Echo() }
            #expect(throws: SystemError("bind", code: 98)) {
                try loop.listen(on: .unix(path: path)) { _ in Echo() }
            }
            listener.close(on: loop)
        }
    }

    @Test("a stopping loop closes every channel and says so", arguments: grounds)
    func stop(ground: Ground) throws {
        let reasons = Box<[CloseReason?]>()
        let loop = try ground.makeLoop()
        loop.submit { loop in
            let server = Recorder()
            let client = Recorder()
            guard let listener = try? loop.listen(on: .loopback(), accept: { _ in server }),
                let channel = try? await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10), handler: { _ in client })
            else { return loop.stop() }
            channel.write([1], on: loop)
            await server.wait(on: loop) { !$0.bytes.isEmpty }
            loop.stop()
            await client.wait(on: loop) { $0.reason != nil }
            reasons.set([server.reason, client.reason])
        }
        loop.run()
        #expect(reasons.value == [.loopStopped, .loopStopped])
    }

    @Test("hundreds of connections come and go without a trace", arguments: grounds)
    func churn(ground: Ground) throws {
        try onLoop(ground) { loop in
            let listener = try loop.listen(on: .loopback()) { _ in Echo() }
            for round in 0..<20 {
                var clients: [(Channel, Recorder)] = []
                for _ in 0..<25 {
                    let recorder = Recorder()
                    let channel = try await loop.connect(
                        to: listener.localAddress, timeout: .seconds(10)
                    ) { _ in recorder }
                    channel.write([UInt8(round)], on: loop)
                    clients.append((channel, recorder))
                }
                for (index, (channel, recorder)) in clients.enumerated() {
                    await recorder.wait(on: loop) { $0.bytes == [UInt8(round)] }
                    if index % 2 == 0 { channel.close(on: loop) } else { channel.abort(on: loop) }
                }
            }
            while loop.resourceCount > 1 { await loop.sleep(for: .milliseconds(1)) }
        }
    }
}
