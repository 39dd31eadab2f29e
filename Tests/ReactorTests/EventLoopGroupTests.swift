import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Reactor

@Suite("Groups of loops", .serialized)
struct EventLoopGroupTests {

    private func makeGroup(
        _ backend: EventLoop.Backend, _ count: Int = 4
    ) throws -> EventLoopGroup {
        try EventLoopGroup(EventLoopGroup.Options(count: count, backend: backend, name: "grp"))
    }

    @Test("each loop has a named thread, which stopping joins", arguments: backends)
    func threads(backend: EventLoop.Backend) async throws {
        let group = try makeGroup(backend)
        let seen = await group.onEach { loop in
            (name: threadName(), isCurrent: loop.isCurrent, thread: UInt(pthread_self()))
        }
        #expect(seen.map(\.name) == ["grp-0", "grp-1", "grp-2", "grp-3"])
        #expect(!seen.map(\.isCurrent).contains(false))
        #expect(Set(seen.map(\.thread)).count == 4)
        group.stop()
        group.stop()
        for loop in group.loops { #expect(!loop.post { _ in }) }
    }

    @Test("loops are chosen in turn, and the caller's own by preference", arguments: backends)
    func choosing(backend: EventLoop.Backend) async throws {
        let group = try makeGroup(backend, 3)
        let turns = (0..<6).map { _ in group.next() }
        #expect(!zip(turns, group.loops + group.loops).map { $0 === $1 }.contains(false))
        #expect(group.current == nil)
        let stays = await group.onEach { loop in group.any() === loop && group.current === loop }
        #expect(stays == [true, true, true])
        group.stop()
    }

    @Test("a pinned loop stays on one of the allowed cores", arguments: backends)
    func pinning(backend: EventLoop.Backend) async throws {
        let allowed = UsableCores.allowed
        let group = try EventLoopGroup(
            EventLoopGroup.Options(count: 3, backend: backend, isPinned: true))
        let cores = await group.onEach { _ in UsableCores.allowed }
        #expect(cores == (0..<3).map { [allowed[$0 % allowed.count]] })
        group.stop()
    }

    @Test("a group that cannot be made leaves nothing behind")
    func failures() async {
        for options in [EventLoopGroup.Options(count: 0), .init(count: 2, name: "a\0b")] {
            let error = #expect(throws: SystemError.self) { _ = try EventLoopGroup(options) }
            #expect(error?.code == EINVAL)
        }
        // In a process of its own, for the limit is the process's.
        await #expect(processExitsWith: .success) {
            let before = descriptorCount()
            var limit = rlimit(rlim_cur: rlim_t(before + 12), rlim_max: rlim_t(before + 12))
            guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
                exit(1)
            }
            do {
                _ = try EventLoopGroup(EventLoopGroup.Options(count: 64, backend: .epoll))
                exit(2)
            } catch let error as SystemError {
                guard error.code == EMFILE else { exit(3) }
            }
            // The test library opens and closes a few of its own; what leaked would fill the limit.
            guard descriptorCount() < before + 6 else { exit(4) }
            exit(0)
        }
    }

    @Test("letting go of a group stops its loops", arguments: backends)
    func lettingGo(backend: EventLoop.Backend) async throws {
        let freed = Counter()
        let loops = try await {
            let group = try makeGroup(backend, 2)
            let local = LoopLocal<Sentinel>()
            _ = await group.onEach { loop in
                local.set(Sentinel { freed.value.add(1, ordering: .relaxed) }, on: loop)
            }
            return group.loops
        }()
        // They still have to notice.
        while freed.value.load(ordering: .relaxed) < 2 { sched_yield() }
        for loop in loops { while loop.post({ _ in }) { sched_yield() } }
    }

    @Test("messages keep their order, also among tasks", arguments: backends)
    func messages(backend: EventLoop.Backend) async throws {
        let group = try makeGroup(backend, 2)
        let seen = Guarded<[Int]>([])
        let (first, second) = (group.loops[0], group.loops[1])
        await first.submit { _ in
            for number in 0..<1000 {
                if number % 3 == 0 {
                    second.submit { _ in seen.withLock { $0.append(number) } }
                } else {
                    second.post { _ in seen.withLock { $0.append(number) } }
                }
            }
        }.value
        await second.submit { _ in }.value
        #expect(seen.withLock { $0 } == Array(0..<1000))
        group.stop()
    }

    @Test("a message that is never taken is let go")
    func droppedMessages() throws {
        let freed = Counter()
        do {
            let loop = try EventLoop(backend: .epoll)
            let sentinel = Sentinel { freed.value.add(1, ordering: .relaxed) }
            loop.post { _ in _ = sentinel }
        }
        let afterwards = freed.value.load(ordering: .relaxed)
        #expect(afterwards == 1)
    }

    @Test("a loop has its own value of each name", arguments: backends)
    func locals(backend: EventLoop.Backend) async throws {
        let group = try makeGroup(backend, 2)
        let (name, other) = (LoopLocal<Int>(), LoopLocal<Int?>())
        let values = await group.onEach { loop -> [Int?] in
            let before = name.get(on: loop)
            name.set(loop === group.loops[0] ? 1 : 2, on: loop)
            other.set(.some(nil), on: loop)
            let set = [name.get(on: loop), other.get(on: loop) == nil ? 0 : 9]
            name.set(nil, on: loop)
            return [before] + set + [name.get(on: loop)]
        }
        #expect(values == [[nil, 1, 9, nil], [nil, 2, 9, nil]])
        let freed = Counter()
        let sentinels = LoopLocal<Sentinel>()
        _ = await group.onEach { loop in
            sentinels.set(Sentinel { freed.value.add(1, ordering: .relaxed) }, on: loop)
        }
        group.stop()
        let gone = freed.value.load(ordering: .relaxed)
        #expect(gone == 2)
    }
}

private final class Counter: Sendable { let value = Atomic(0) }

/// Tells when it goes.
private final class Sentinel: Sendable {
    private let tell: @Sendable () -> Void
    init(_ tell: @escaping @Sendable () -> Void = {}) { self.tell = tell }
    deinit { tell() }
}

private func threadName() -> String {
    let file = open("/proc/thread-self/comm", O_RDONLY)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = max(read(file, &bytes, bytes.count), 0)
    return String(decoding: bytes.prefix(count).dropLast(), as: UTF8.self)
}

private func descriptorCount() -> Int {
    (0..<1024).count { fcntl(Int32($0), F_GETFD) >= 0 }
}

@Suite("Usable cores")
struct UsableCoresTests {
    @Test("at least one core is usable, and no more than are allowed")
    func count() {
        #expect(EventLoopGroup.usableCores >= 1)
        #expect(EventLoopGroup.usableCores <= UsableCores.allowed.count)
        #expect(Set(UsableCores.allowed).count == UsableCores.allowed.count)
    }

    @Test(
        "quotas are rounded up to whole cores",
        arguments: [
            ("max 100000\n", nil), ("150000 100000\n", 2), ("200000 100000\n", 2), ("1 100000", 1),
            ("", nil), ("100000", nil), ("0 100000", nil), ("-1 100000", nil), ("100000 0", nil),
            ("100000 100000 7", nil), ("9223372036854775807 1", Int.max),
            ("99999999999999999999 100000", nil), ("x y", nil),
        ] as [(String, Int?)])
    func unified(text: String, cores: Int?) { #expect(UsableCores.unified(text) == cores) }

    @Test("quotas of the first version of control groups")
    func legacy() {
        #expect(UsableCores.legacy(quota: "-1\n", period: "100000\n") == nil)
        #expect(UsableCores.legacy(quota: "250000\n", period: "100000\n") == 3)
        #expect(UsableCores.legacy(quota: nil, period: "100000\n") == nil)
        #expect(UsableCores.legacy(quota: "", period: "") == nil)
    }

    @Test("a group's parents are asked too")
    func parents() {
        #expect(UsableCores.withParents("/") == [""])
        #expect(UsableCores.withParents("/a/b.slice") == ["/a/b.slice", "/a", ""])
    }

    @Test("a thread's number survives when its name is cut")
    func names() {
        #expect(EventLoopGroup.threadName("loop", 0) == "loop-0")
        #expect(EventLoopGroup.threadName("a-very-long-name", 12) == "a-very-long--12")
        #expect(EventLoopGroup.threadName("ééééééééé", 3) == "éééééé-3")
        #expect(EventLoopGroup.threadName("", 3) == "-3")
    }
}
