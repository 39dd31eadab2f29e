import Glibc
import Reactor
import Synchronization
import TestSupport
import Testing

@Suite("Event loop", .serialized)
struct EventLoopTests {
    @Test("timers fire in order, and not when cancelled", arguments: grounds)
    func timers(ground: Ground) throws {
        try onLoop(ground) { loop in
            let log = Log()
            loop.schedule(after: .milliseconds(20)) { log.entries.append(20) }
            loop.schedule(after: .milliseconds(1)) { log.entries.append(1) }
            let never = loop.schedule(after: .milliseconds(10)) { log.entries.append(10) }
            loop.schedule(after: .milliseconds(5)) {
                log.entries.append(5)
                loop.cancel(never)
            }
            let moved = loop.schedule(after: .seconds(600)) { log.entries.append(30) }
            let isMoved = loop.reschedule(moved, after: .milliseconds(30))
            #expect(isMoved)
            let start = loop.now
            await loop.sleep(for: .milliseconds(40))
            #expect(log.entries == [1, 5, 20, 30])
            let isMovedAgain = loop.reschedule(moved, after: .zero)
            #expect(!isMovedAgain)
            #expect(loop.now - start >= .milliseconds(40))
            loop.cancel(never)
            #expect(loop.timerCount == 0)
        }
    }

    @Test("other threads wake a sleeping loop", arguments: kernels)
    func wakeUps(ground: Ground) throws {
        let loop = try ground.makeLoop()
        let count = Atomic(0)
        let threads = 4
        let each = 2_000
        for _ in 0..<threads {
            startThread {
                for _ in 0..<each {
                    loop.submit { loop in
                        let done = count.add(1, ordering: .relaxed).newValue
                        if done == threads * each { loop.stop() }
                    }
                }
            }
        }
        loop.run()
        let total = count.load(ordering: .relaxed)
        #expect(total == threads * each)
    }

    @Test("tasks of the loop stay on its thread", arguments: kernels)
    func isolation(ground: Ground) throws {
        try onLoop(ground) { loop in
            #expect(loop.isCurrent)
            await loop.sleep(for: .milliseconds(1))
            #expect(loop.isCurrent)
            let elsewhere = await loop.offload { loop.isCurrent }
            #expect(!elsewhere)
            #expect(loop.isCurrent)
            let child = loop.spawn {
                _ = loop.now
                return loop.isCurrent
            }
            #expect(await child.value)
        }
    }

    @Test("offloaded work returns its result and its error", arguments: kernels)
    func offload(ground: Ground) throws {
        struct Refused: Error, Equatable { var number: Int }
        try onLoop(ground) { loop in
            let numbers = await withTaskGroup(of: Int.self) { group in
                for number in 0..<50 { group.addTask { await loop.offload { number * 2 } } }
                var all: [Int] = []
                for await number in group { all.append(number) }
                return all.sorted()
            }
            #expect(numbers == (0..<50).map { $0 * 2 })
            await #expect(throws: Refused(number: 7)) {
                try await loop.offload { () throws(Refused) -> Int in throw Refused(number: 7) }
            }
        }
    }

    @Test("signals arrive on the loop", arguments: kernels)
    func signals(ground: Ground) throws {
        try onLoop(ground) { loop in
            let log = Log()
            let watch = try loop.onSignals([SIGUSR1, SIGHUP]) { log.entries.append(Int($0)) }
            pthread_kill(pthread_self(), SIGUSR1)
            while log.entries.isEmpty { await loop.sleep(for: .milliseconds(1)) }
            pthread_kill(pthread_self(), SIGHUP)
            while log.entries.count < 2 { await loop.sleep(for: .milliseconds(1)) }
            #expect(log.entries == [Int(SIGUSR1), Int(SIGHUP)])
            loop.cancel(watch)
        }
    }

    @Test("a watched descriptor is reported while it is ready", arguments: grounds)
    func watch(ground: Ground) throws {
        try onLoop(ground) { loop in
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            let (reader, writer) = (ends[0], ends[1])
            let log = Log()
            let watch = try loop.watch(reader, for: .readable) { readiness in
                #expect(readiness.contains(.readable))
                log.entries.append(1)
            }
            var byte: UInt8 = 1
            write(writer, &byte, 1)
            // Level-triggered: reported again although nothing new arrived.
            while log.entries.count < 3 { await loop.sleep(for: .milliseconds(1)) }
            read(reader, &byte, 1)
            loop.update(watch, for: [])
            write(writer, &byte, 1)
            await loop.sleep(for: .milliseconds(2))
            let quiet = log.entries.count
            await loop.sleep(for: .milliseconds(5))
            #expect(log.entries.count == quiet)
            loop.update(watch, for: .readable)
            while log.entries.count == quiet { await loop.sleep(for: .milliseconds(1)) }
            loop.cancel(watch)
            close(reader)
            close(writer)
        }
    }

    @Test("a host's own poll drives the loop by turns", arguments: kernels)
    func embedding(ground: Ground) throws {
        let loop = try ground.makeLoop()
        let done = Atomic(false)
        loop.submit { loop in
            await loop.sleep(for: .milliseconds(5))
            done.store(true, ordering: .relaxed)
        }
        var turns = 0
        while !done.load(ordering: .relaxed), turns < 10_000 {
            var descriptor = pollfd(fd: loop.pollDescriptor, events: Int16(POLLIN), revents: 0)
            poll(&descriptor, 1, 1)
            #expect(loop.turn(waiting: .zero))
            turns += 1
        }
        let finished = done.load(ordering: .relaxed)
        #expect(finished)
        loop.stop()
        #expect(!loop.turn(waiting: .zero))
    }

    @Test("a task that waits for the next turn lets sockets in", arguments: kernels)
    func nextTurn(ground: Ground) throws {
        try onLoop(ground) { loop in
            let server = Recorder()
            let listener = try loop.listen(on: .loopback()) { _ in server }
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(10)
            ) { _ in Recorder() }
            channel.write([1, 2, 3], on: loop)
            // Never sleeps, so that nothing but the turns themselves can look at the sockets.
            var turns = 0
            while server.bytes.count < 3, turns < 1_000_000 {
                await loop.nextTurn()
                turns += 1
            }
            #expect(server.bytes == [1, 2, 3])
        }
    }

    @Test("stopping resumes what waits for the next turn", arguments: grounds)
    func stopBetweenTurns(ground: Ground) throws {
        let resumed = Atomic(false)
        let loop = try ground.makeLoop()
        loop.submit { loop in
            loop.stop()
            await loop.nextTurn()
            resumed.store(true, ordering: .relaxed)
        }
        loop.run()
        let wasResumed = resumed.load(ordering: .relaxed)
        #expect(wasResumed)
    }

    @Test("stopping resumes what sleeps on the loop", arguments: grounds)
    func stopWhileSleeping(ground: Ground) throws {
        let resumed = Atomic(false)
        let loop = try ground.makeLoop()
        loop.submit { loop in
            await loop.sleep(for: .seconds(3600))
            resumed.store(true, ordering: .relaxed)
        }
        loop.submit { $0.stop() }
        loop.run()
        let wasResumed = resumed.load(ordering: .relaxed)
        #expect(wasResumed)
    }
}

final class Log {
    var entries: [Int] = []
}

/// Runs `body` on a thread of its own.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Context: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Context(body)).toOpaque()
    let result = pthread_create(
        &thread, nil,
        { context in
            guard let context else { return nil }
            Unmanaged<Context>.fromOpaque(context).takeRetainedValue().body()
            return nil
        }, context)
    precondition(result == 0)
    pthread_detach(thread)
}
