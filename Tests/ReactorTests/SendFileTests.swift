import Bytes
import Glibc
import ReactorTesting
import TestSupport
import Testing

@testable import Reactor

@Suite("Sending files", .serialized)
struct SendFileTests {
    @Test(
        "files and bytes arrive in the order in which they were written", arguments: grounds,
        [false, true])
    func order(ground: Ground, isFiltered: Bool) throws {
        let folder = Folder()
        try onLoop(ground) { loop in
            let bytes = pattern(700_000)
            let path = folder.path + "/file"
            try await loop.writeFile(path, bytes)
            let file = try await loop.openFile(path)
            let recorder = Recorder()
            // A filter must see every byte, as TLS does.
            let security = isFiltered ? Scrambling() : nil
            let options = ListenerOptions(security: security)
            let listener = try loop.listen(on: .loopback(), options: options) { channel in
                channel.write([1, 2], on: loop)
                channel.write(file, from: 10, count: 600_000, on: loop)
                channel.write([3], on: loop)
                channel.write(SharedBytes([4]), on: loop)
                channel.write(file, count: 5, on: loop)
                channel.write(file, from: 699_000, count: 1000, on: loop)
                channel.write([5], on: loop)
                #expect(channel.pendingBytes == 2 + 600_000 + 2 + 5 + 1000 + 1)
                channel.shutdownOutput(on: loop)
                return Echo()
            }
            _ = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10), security: security
            ) { _ in recorder }
            await recorder.wait(on: loop) { $0.inputHasEnded || $0.reason != nil }
            var expected: [UInt8] = [1, 2] + bytes[10..<600_010] + [3, 4]
            expected += bytes[..<5] + bytes[699_000...] + [5]
            #expect(recorder.bytes == expected)
        }
    }

    @Test(
        "a big file goes to a slow reader, from a cold cache, and fits no memory",
        arguments: kernels)
    func slowReader(ground: Ground) throws {
        let folder = Folder()
        try onLoop(ground) { loop in
            let bytes = pattern(12_000_000)
            let path = folder.path + "/file"
            try await loop.writeFile(path, bytes, durable: true)
            let file = try await loop.openFile(path)
            posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
            let server = Recorder()
            let holder = Holder()
            let options = ListenerOptions(channel: ChannelOptions(sendBuffer: 100_000))
            let listener = try loop.listen(on: .loopback(), options: options) { channel in
                holder.channel = channel
                return server
            }
            let client = PausingRecorder(seed: 5)
            _ = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10),
                options: ChannelOptions(receiveBuffer: 50_000)
            ) { _ in client }
            while holder.channel == nil { await loop.sleep(for: .milliseconds(1)) }
            let channel = try #require(holder.channel)
            channel.write(file, count: bytes.count, on: loop)
            #expect(!channel.isWritable)
            channel.shutdownOutput(on: loop)
            await client.wait(on: loop) { $0.inputHasEnded || $0.reason != nil }
            #expect(client.bytes == bytes)
            #expect(server.writabilityChanges == 2)
            #expect(channel.pendingBytes == 0)
        }
    }

    @Test("a file that is shorter than promised resets the connection", arguments: grounds)
    func tooShort(ground: Ground) throws {
        let folder = Folder()
        try onLoop(ground) { loop in
            let path = folder.path + "/file"
            try await loop.writeFile(path, pattern(300_000))
            let file = try await loop.openFile(path)
            let server = Recorder()
            let listener = try loop.listen(on: .loopback()) { channel in
                channel.write(file, count: 300_001, on: loop)
                return server
            }
            let client = Recorder()
            _ = try await loop.connect(to: listener.localAddress, timeout: .seconds(10)) { _ in
                client
            }
            await client.wait(on: loop) { $0.reason != nil }
            #expect(client.reason == .reset)
            #expect(server.reason == .failed(SystemError("sendfile", code: ENODATA)))
        }
    }

    @Test("closing in the middle lets go of the file", arguments: grounds)
    func abort(ground: Ground) throws {
        let folder = Folder()
        try onLoop(ground) { loop in
            let path = folder.path + "/file"
            try await loop.writeFile(path, pattern(8_000_000))
            let listener = try loop.listen(on: .loopback()) { channel in
                channel.pauseReading(on: loop)
                return Recorder()
            }
            weak var weakFile: File?
            for round in 0..<10 {
                let file = try await loop.openFile(path)
                weakFile = file
                let recorder = Recorder()
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(10)
                ) { _ in recorder }
                channel.write([1], on: loop)
                channel.write(file, count: 8_000_000, on: loop)
                channel.write([2], on: loop)
                for _ in 0..<round { await loop.yield() }
                if round % 2 == 0 { await loop.sleep(for: .milliseconds(1)) }
                channel.abort(on: loop)
                #expect(recorder.reason == .closedLocally)
            }
            while loop.resourceCount > 1 { await loop.sleep(for: .milliseconds(1)) }
            while weakFile != nil { await loop.sleep(for: .milliseconds(1)) }
        }
    }

    @Test("a peer that is gone raises no signal", arguments: kernels)
    func brokenPipe(ground: Ground) async throws {
        guard case .kernel(let backend) = ground else { return }
        await #expect(processExitsWith: .success) { [name = backend.rawValue as String] in
            signal(SIGPIPE, SIG_DFL)
            let folder = Folder()
            let path = folder.path + "/file"
            let backend = try #require(EventLoop.Backend(rawValue: name))
            try onLoop(.kernel(backend)) { loop in
                try await loop.writeFile(path, pattern(300_000))
                let file = try await loop.openFile(path)
                let ends = socketPair()
                close(ends.1)
                let outcome = loop.driver.sendFile(
                    file.descriptor, from: 0, count: 1000, on: ends.0,
                    token: Token(slot: 0, generation: 0))
                guard case .failed(EPIPE) = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
                close(ends.0)
            }
        }
    }
}
