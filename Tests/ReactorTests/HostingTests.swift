import Glibc
import Reactor
import Synchronization
import TestSupport
import Testing

@Suite("Loops in hosts", .serialized)
struct HostingTests {
    @Test("the poll descriptor tells of everything there is to do", arguments: kernels)
    func pollDescriptor(ground: Ground) throws {
        let loop = try ground.makeLoop()
        let done = Atomic(false)
        // From another thread, so that the host sleeps when it comes.
        startThread {
            loop.submit { loop in
                let listener = try? loop.listen(on: .loopback()) { _ in Echo() }
                let recorder = Recorder()
                guard let listener,
                    let channel = try? await loop.connect(
                        to: listener.localAddress, timeout: .seconds(10),
                        handler: { _ in recorder })
                else { return }
                for round in 1...50 {
                    channel.write([UInt8(round)], on: loop)
                    await recorder.wait(on: loop) { $0.bytes.count == round }
                    channel.pauseReading(on: loop)
                    channel.write([UInt8](repeating: 1, count: 10_000), on: loop)
                    for _ in 0..<20 { await loop.yield() }
                    channel.resumeReading(on: loop)
                    await recorder.wait(on: loop) { $0.bytes.count == 10_000 + round }
                    recorder.bytes.removeLast(10_000)
                    // Now somebody else has something to do.
                    await loop.offload {}
                }
                done.store(true, ordering: .relaxed)
            }
        }
        var stalls = 0
        while !done.load(ordering: .relaxed), stalls == 0 {
            let start = Instant.now
            var descriptor = pollfd(fd: loop.pollDescriptor, events: Int16(POLLIN), revents: 0)
            poll(&descriptor, 1, 10_000)
            // A poll looks once more when its time is up, so its result does not tell.
            if Instant.now - start > .seconds(9) { stalls += 1 }
            #expect(loop.turn(waiting: .zero))
        }
        #expect(stalls == 0)
        loop.stop()
        #expect(!loop.turn(waiting: .zero))
    }

    @Test("a loop runs on another thread than the one that made it", arguments: kernels)
    func otherThread(ground: Ground) throws {
        for _ in 0..<10 {
            let loop = try ground.makeLoop()
            let finished = Atomic(false)
            let count = Atomic(0)
            startThread {
                loop.run()
                finished.store(true, ordering: .releasing)
            }
            loop.submit { loop in
                let listener = try? loop.listen(on: .loopback()) { _ in Echo() }
                let recorder = Recorder()
                if let listener,
                    let channel = try? await loop.connect(
                        to: listener.localAddress, timeout: .seconds(10),
                        handler: { _ in recorder })
                {
                    channel.write([1, 2], on: loop)
                    await recorder.wait(on: loop) { $0.bytes.count == 2 }
                    count.store(2, ordering: .relaxed)
                }
                loop.stop()
            }
            while !finished.load(ordering: .acquiring) { sched_yield() }
            let received = count.load(ordering: .relaxed)
            #expect(received == 2)
        }
    }

    @Test("the backend says what it is", arguments: kernels)
    func description(ground: Ground) throws {
        let loop = try ground.makeLoop()
        #expect(ground == .kernel(loop.backend))
        #expect(loop.backendDescription.hasPrefix(loop.backend.rawValue))
    }
}

@Suite("Watches", .serialized)
struct WatchTests {
    @Test("a watch changes from reading to writing and back", arguments: grounds)
    func interests(ground: Ground) throws {
        try onLoop(ground) { loop in
            let ends = socketPair()
            let log = Log()
            let watch = try loop.watch(ends.0, for: .readable) { readiness in
                log.entries.append(Int(readiness.rawValue))
            }
            for round in 1...20 {
                await loop.sleep(for: .milliseconds(1))
                #expect(log.entries.isEmpty)
                loop.update(watch, for: .writable)
                while log.entries.isEmpty { await loop.sleep(for: .milliseconds(1)) }
                #expect(log.entries.first == Int(Readiness.writable.rawValue))
                loop.update(watch, for: .readable)
                log.entries = []
                if round % 5 == 0 { loop.update(watch, for: []) }
                var byte: UInt8 = 1
                write(ends.1, &byte, 1)
                if round % 5 == 0 { loop.update(watch, for: .readable) }
                while log.entries.isEmpty { await loop.sleep(for: .milliseconds(1)) }
                #expect(log.entries.first == Int(Readiness.readable.rawValue))
                read(ends.0, &byte, 1)
                log.entries = []
            }
            loop.update(watch, for: [.readable, .writable])
            while log.entries.isEmpty { await loop.sleep(for: .milliseconds(1)) }
            #expect(log.entries.first == Int(Readiness.writable.rawValue))
            loop.cancel(watch)
            close(ends.0)
            close(ends.1)
        }
    }

    @Test("a paused watch says nothing even of a hang-up", arguments: kernels)
    func pausedHangUp(ground: Ground) throws {
        try onLoop(ground) { loop in
            let ends = socketPair()
            let log = Log()
            let watch = try loop.watch(ends.0, for: []) { log.entries.append(Int($0.rawValue)) }
            await loop.sleep(for: .milliseconds(1))
            close(ends.1)
            await loop.sleep(for: .milliseconds(5))
            #expect(log.entries.isEmpty)
            loop.update(watch, for: .readable)
            while log.entries.isEmpty { await loop.sleep(for: .milliseconds(1)) }
            // As for an error: whatever the owner does next finds out.
            #expect(log.entries.first == 3)
            loop.update(watch, for: [])
            log.entries = []
            await loop.sleep(for: .milliseconds(5))
            #expect(log.entries.isEmpty)
            loop.cancel(watch)
            close(ends.0)
        }
    }

    @Test("a file cannot be watched", arguments: kernels)
    func file(ground: Ground) throws {
        try onLoop(ground) { loop in
            let file = open("/proc/self/exe", O_RDONLY)
            defer { close(file) }
            let error = #expect(throws: SystemError.self) {
                _ = try loop.watch(file, for: .readable) { _ in }
            }
            #expect(error?.code == EPERM)
            #expect(loop.resourceCount == 0)
        }
    }
}
