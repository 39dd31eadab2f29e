import CSeccomp
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Reactor

/// Where the kernel, or what confines the process, does not let io_uring be used.
@Suite("io_uring forbidden", .serialized)
struct UringFallbackTests {
    /// What old kernels, container runtimes, sysctls and limits answer.
    static let refusals = [ENOSYS, EPERM, EACCES, ENOMEM]

    @Test(
        "auto becomes epoll where a call is forbidden, and says why",
        .enabled(if: EventLoop.Backend.ioUring.isAvailable), arguments: refusals, [false, true])
    func fallsBack(code: Int32, forbidsRegistering: Bool) throws {
        struct Found: Sendable {
            var obstacle: SystemError?
            var automatic: Result<EventLoop, SystemError>
            var demanded: SystemError?
        }
        let found = onThread { () -> Found? in
            let call =
                forbidsRegistering ? cseccomp_io_uring_register() : cseccomp_io_uring_setup()
            guard cseccomp_forbid(call, code) == 0 else { return nil }
            var obstacle: SystemError?
            if case .obstacle(let error) = UringProbe.attempt() { obstacle = error }
            let automatic = Result { () throws(SystemError) in try EventLoop() }
            let demanded = Result { () throws(SystemError) in try EventLoop(backend: .ioUring) }
            guard case .failure(let error) = demanded else {
                return Found(obstacle: obstacle, automatic: automatic, demanded: nil)
            }
            return Found(obstacle: obstacle, automatic: automatic, demanded: error)
        }
        let outcome = try #require(found, "seccomp filters must be possible here")
        #expect(outcome.obstacle?.code == code)
        #expect(outcome.demanded?.code == code)
        let loop = try outcome.automatic.get()
        guard getenv("BEAMLINE_BACKEND") == nil else { return }
        #expect(loop.backend == .epoll)
        let reason = String(cString: strerror(code))
        #expect(loop.backendDescription.contains("no io_uring here"))
        #expect(loop.backendDescription.contains(reason))
        // It works, and not only in name.
        loop.submit { $0.stop() }
        loop.run()
    }

    @Test("epoll by name is epoll")
    func forced() throws {
        let loop = try EventLoop(backend: .epoll)
        #expect(loop.backend == .epoll)
        #expect(loop.backendDescription == "epoll: level-triggered")
    }

    @Test("the description says what is used and what the kernel lacks")
    func description() {
        let old: UringAbilities = [.registeredRing]
        #expect(
            old.summary
                == "registered ring (not in this kernel: no index array, incremental buffers)")
        let new: UringAbilities = [.registeredRing, .noIndexArray, .incrementalBuffers]
        #expect(new.summary == "registered ring, no index array, incremental buffers")
    }
}

/// Runs `body` on a thread of its own, which ends with it, and waits for the result.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result?) -> Result? {
    let box = Box<Result>()
    let ended = Atomic(false)
    startThread {
        if let result = body() { box.set(result) }
        ended.store(true, ordering: .releasing)
    }
    while !ended.load(ordering: .acquiring) { sched_yield() }
    return box.value
}
