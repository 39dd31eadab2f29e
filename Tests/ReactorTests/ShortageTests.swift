import Bytes
import CSeccomp
import Glibc
import ReactorTesting
import TestSupport
import Testing

@testable import Reactor

/// Kernels without memory for a moment: nothing is lost but time.
@Suite("Shortage of memory", .serialized)
struct ShortageTests {
    // In processes of their own, since what makes the calls fail stays.

    @Test("accepting rests and comes back", arguments: [ENOBUFS, ENOMEM])
    func accepting(code: Int32) async throws {
        await #expect(processExitsWith: .success) { [code] in
            try onLoop(.epoll, limit: .seconds(60)) { loop in
                let listener = try loop.listen(on: .loopback()) { _ in Echo() }
                var troubles: [AcceptTrouble] = []
                listener.onTrouble = { troubles.append($0) }
                try #require(cseccomp_fail_first(cseccomp_accept4(), code, 4) == 0)
                var clients: [(Channel, Recorder)] = []
                for _ in 0..<10 {
                    let recorder = Recorder()
                    let channel = try await loop.connect(
                        to: listener.localAddress, timeout: .seconds(30)
                    ) { _ in recorder }
                    channel.write([1], on: loop)
                    clients.append((channel, recorder))
                }
                for (_, recorder) in clients { await recorder.wait(on: loop) { $0.bytes == [1] } }
                #expect(cseccomp_failed() == 4)
                // Each failure is one rest and not a busy loop, and nobody is turned away.
                let error = SystemError("accept", code: code)
                #expect(troubles.map(\.error) == Array(repeating: error, count: 4))
                #expect(troubles.map(\.pause) == [10, 20, 40, 80].map { .milliseconds($0) })
                #expect(listener.statistics.accepted == 10)
                #expect(listener.statistics.shed == 0)
            }
        }
    }

    @Test("sending rests and goes on", arguments: [ENOBUFS, ENOMEM])
    func sending(code: Int32) async throws {
        await #expect(processExitsWith: .success) { [code] in
            try onLoop(.epoll, limit: .seconds(60)) { loop in
                let path = temporaryPath("shortage")
                let listener = try loop.listen(on: .unix(path: path)) { _ in Echo() }
                let recorder = Recorder()
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(30)
                ) { _ in recorder }
                try #require(cseccomp_fail_first(cseccomp_sendto(), code, 5) == 0)
                let bytes = pattern(300_000)
                let start = loop.now
                channel.write(bytes, on: loop)
                await recorder.wait(on: loop) { $0.bytes.count == bytes.count || $0.reason != nil }
                #expect(recorder.bytes == bytes)
                #expect(cseccomp_failed() == 5)
                // The echo has nothing to send before, so one channel rests five times.
                #expect(loop.now - start >= .milliseconds(50))
                listener.close(on: loop)
            }
        }
    }

    @Test("closing during a rest is no trouble", arguments: 0..<4)
    func closing(seed: UInt64) throws {
        var faults = NetworkFaults()
        faults.shortage = 1
        try run(EventLoop.simulated(seed: seed, faults: faults)) { loop in
            // With such a kernel nothing is ever accepted, but there may be something to send.
            let listener = try loop.listen(on: .loopback()) { _ in Echo() }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(5)
            ) { _ in recorder }
            channel.write([1, 2, 3], on: loop)
            await loop.sleep(for: .milliseconds(55))
            #expect(recorder.reason == nil)
            #expect(channel.pendingBytes == 3)
            if seed % 2 == 0 { channel.close(on: loop) } else { channel.abort(on: loop) }
            await recorder.wait(on: loop) { $0.reason != nil }
            listener.close(on: loop)
            await loop.sleep(for: .seconds(1))
            #expect(loop.resourceCount == 0)
            #expect(loop.timerCount == 0)
        }
    }

    @Test("a simulated kernel is short of memory now and then", arguments: 0..<8)
    func simulated(seed: UInt64) throws {
        var faults = NetworkFaults.rough
        faults.shortage = 0.2
        try run(EventLoop.simulated(seed: seed, faults: faults)) { loop in
            let listener = try loop.listen(on: .loopback()) { _ in Echo() }
            let bytes = pattern(50_000)
            for _ in 0..<10 {
                let recorder = Recorder()
                let channel = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(60)
                ) { _ in recorder }
                channel.write(bytes, on: loop)
                await recorder.wait(on: loop) { $0.bytes.count == bytes.count || $0.reason != nil }
                #expect(recorder.bytes == bytes)
                channel.abort(on: loop)
            }
            #expect(listener.statistics.accepted == 10)
            #expect(listener.statistics.shed == 0)
        }
    }
}

/// Limits on memory under which rings cannot be made, or have to do without locked pages.
@Suite("Limits on memory", .serialized, .enabled(if: EventLoop.Backend.ioUring.isAvailable))
struct MemoryLimitTests {
    @Test("without lockable memory and privileges there is a loop that works")
    func lockedMemory() async throws {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 0, rlim_max: 0)
            try #require(setrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0)
            // Whoever may lock whatever he likes is not bound by the limit.
            if geteuid() == 0 {
                try #require(setgid(65_534) == 0)
                try #require(setuid(65_534) == 0)
            }
            // Kernels since 5.12 do not count rings as locked; older ones refuse, and epoll it is.
            try onLoop(.auto, limit: .seconds(60)) { loop in try await exchange(on: loop) }
            if case .obstacle(let error) = UringProbe.attempt() { #expect(error.code == ENOMEM) }
        }
    }

    /// Sanitizers reserve terabytes and end the process where they get no more.
    private static let isSanitized: Bool =
        dlsym(nil, "__tsan_init") != nil || dlsym(nil, "__asan_init") != nil

    @Test(
        "where there is no room for a ring's buffers, auto is epoll and says why",
        .disabled(if: isSanitized, "sanitizers need address space of their own"))
    func addressSpace() async throws {
        await #expect(processExitsWith: .success) {
            // Known to be usable, until memory is short.
            try #require(EventLoop.Backend.ioUring.isAvailable)
            var before = rlimit()
            let resource = __rlimit_resource_t(RLIMIT_AS.rawValue)
            getrlimit(resource, &before)
            var limit = before
            // Less than the two mebibytes that a ring's buffers take.
            limit.rlim_cur = try addressSpaceInUse() + 1 << 20
            try #require(setrlimit(resource, &limit) == 0)
            let automatic = Result { () throws(SystemError) in try EventLoop(backend: .auto) }
            let demanded = Result { () throws(SystemError) in try EventLoop(backend: .ioUring) }
            try #require(setrlimit(resource, &before) == 0)
            guard case .failure(let error) = demanded else {
                Issue.record("a ring was made without memory")
                return
            }
            #expect(error.code == ENOMEM)
            if getenv("BEAMLINE_BACKEND") != nil { return }
            let loop = try automatic.get()
            #expect(loop.backend == .epoll)
            #expect(loop.backendDescription.contains("no io_uring here"))
            try run(loop, limit: .seconds(60)) { loop in try await exchange(on: loop) }
        }
    }
}

/// An echo, to see that a loop is one.
private func exchange(on loop: isolated EventLoop) async throws {
    let listener = try loop.listen(on: .loopback()) { _ in Echo() }
    let recorder = Recorder()
    let channel = try await loop.connect(to: listener.localAddress, timeout: .seconds(30)) { _ in
        recorder
    }
    channel.write([1, 2], on: loop)
    await recorder.wait(on: loop) { $0.bytes == [1, 2] || $0.reason != nil }
    #expect(recorder.bytes == [1, 2])
    channel.abort(on: loop)
    listener.close(on: loop)
}

private func addressSpaceInUse() throws -> rlim_t {
    let file = try #require(fopen("/proc/self/statm", "r"))
    defer { fclose(file) }
    var line = [UInt8](repeating: 0, count: 200)
    let count = fread(&line, 1, line.count, file)
    let first = String(decoding: line[..<count], as: UTF8.self).split(separator: " ").first
    let pages = try #require(first.flatMap { rlim_t($0) })
    return pages * rlim_t(sysconf(Int32(_SC_PAGESIZE)))
}
