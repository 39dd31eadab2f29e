import Glibc
import TestSupport
import Testing

@testable import Reactor

@Suite("Child processes", .serialized)
struct ProcessTests {
    @Test("a child reads, writes, complains and ends", arguments: kernels)
    func streams(ground: Ground) throws {
        try onLoop(ground) { loop in
            let input = pattern(500_000)
            let script = "cat; echo complaint >&2; exit 7"
            let outcome = try await loop.runProcess(
                ProcessCommand("sh", ["-c", script]), input: input, outputMax: 1 << 20,
                timeout: .seconds(60))
            #expect(outcome.output == input)
            #expect(String(decoding: outcome.error, as: UTF8.self) == "complaint\n")
            #expect(outcome.status == .exited(7))
            while loop.resourceCount > 0 { await loop.sleep(for: .milliseconds(1)) }
            #expect(loop.timerCount == 0)
            #expect(loop.dependants.isEmpty)
        }
    }

    @Test("environment, folder, and where errors go", arguments: kernels)
    func settings(ground: Ground) throws {
        try onLoop(ground) { loop in
            let outcome = try await loop.runProcess(
                ProcessCommand(
                    "/bin/sh", ["-c", "echo $WORD; pwd; echo oops >&2"],
                    environment: ["WORD": "as is"], folder: "/usr", error: .output),
                outputMax: 1000, timeout: .seconds(60))
            #expect(String(decoding: outcome.output, as: UTF8.self) == "as is\n/usr\noops\n")
            #expect(outcome.error.isEmpty)
        }
    }

    @Test("a child has its three streams and nothing else of ours", arguments: kernels)
    func descriptors(ground: Ground) throws {
        try onLoop(ground) { loop in
            // Without O_CLOEXEC, as a library may have opened it.
            let leaky = open("/dev/null", O_RDONLY)
            defer { close(leaky) }
            let outcome = try await loop.runProcess(
                ProcessCommand("ls", ["/proc/self/fd"]), outputMax: 1000, timeout: .seconds(60))
            // The fourth is the folder that ls reads.
            #expect(String(decoding: outcome.output, as: UTF8.self) == "0\n1\n2\n3\n")
        }
    }

    @Test("signals are at their defaults in the child, and killing works", arguments: kernels)
    func killing(ground: Ground) throws {
        try onLoop(ground) { loop in
            let child = try await loop.spawnProcess(ProcessCommand("sleep", ["3600"]))
            #expect(child.status == nil)
            let wasKilled = child.kill(on: loop)
            #expect(wasKilled)
            #expect(await child.wait(on: loop) == .signalled(SIGTERM))
            let wasKilledTwice = child.kill(on: loop)
            #expect(!wasKilledTwice)
            // Reaped: nobody's any more.
            #expect(Glibc.kill(child.pid, 0) == -1)
            #expect(await child.wait(on: loop) == .signalled(SIGTERM))
        }
    }

    @Test("what cannot be started says so", arguments: kernels)
    func failures(ground: Ground) async throws {
        guard case .kernel(let backend) = ground else { return }
        // In a process of its own, where nobody else opens descriptors.
        await #expect(processExitsWith: .success) { [name = backend.rawValue as String] in
            let backend = try #require(EventLoop.Backend(rawValue: name))
            try onLoop(.kernel(backend)) { loop in
                let before = openDescriptors()
                for _ in 0..<50 {
                    for command in [
                        ProcessCommand("no such program", input: .channel, output: .channel),
                        ProcessCommand("true", folder: "/no such folder", output: .channel),
                    ] {
                        await #expect(throws: SystemError("posix_spawn", code: ENOENT)) {
                            _ = try await loop.spawnProcess(command)
                        }
                    }
                }
                await #expect(throws: SystemError("posix_spawn", code: EINVAL)) {
                    _ = try await loop.spawnProcess(ProcessCommand("echo", ["a\0b"]))
                }
                // The test library opens and closes a few of its own meanwhile.
                #expect(openDescriptors() < before + 25)
            }
        }
    }

    @Test("a child that talks too much, or too long, is killed", arguments: kernels)
    func limits(ground: Ground) throws {
        try onLoop(ground) { loop in
            await #expect(throws: SystemError("runProcess", code: EFBIG)) {
                try await loop.runProcess(
                    ProcessCommand("cat", ["/dev/zero"]), outputMax: 100_000,
                    timeout: .seconds(60))
            }
            await #expect(throws: SystemError("runProcess", code: ETIMEDOUT)) {
                try await loop.runProcess(
                    ProcessCommand("sleep", ["3600"]), outputMax: 100, timeout: .milliseconds(50))
            }
            // Its own child holds on to the streams.
            await #expect(throws: SystemError("runProcess", code: ETIMEDOUT)) {
                try await loop.runProcess(
                    ProcessCommand("sh", ["-c", "sleep 30 & echo $!; sleep 30"]), outputMax: 100,
                    timeout: .milliseconds(50))
            }
            while loop.resourceCount > 0 { await loop.sleep(for: .milliseconds(1)) }
        }
    }

    @Test("many at once leave nothing behind", arguments: kernels)
    func crowd(ground: Ground) async throws {
        guard case .kernel(let backend) = ground else { return }
        // In a process of its own, where nobody else opens descriptors.
        await #expect(processExitsWith: .success) { [name = backend.rawValue as String] in
            let backend = try #require(EventLoop.Backend(rawValue: name))
            try onLoop(.kernel(backend)) { loop in
                _ = try await loop.runProcess(
                    ProcessCommand("true"), outputMax: 1, timeout: .seconds(60))
                while loop.resourceCount > 0 { await loop.sleep(for: .milliseconds(1)) }
                let before = openDescriptors()
                let tasks = (0..<40).map { number in
                    loop.spawn {
                        try? await loop.runProcess(
                            ProcessCommand("sh", ["-c", "exit \(number)"]), outputMax: 10,
                            timeout: .seconds(60)
                        ).status
                    }
                }
                for (number, task) in tasks.enumerated() {
                    #expect(await task.value == .exited(Int32(number)))
                }
                while loop.resourceCount > 0 { await loop.sleep(for: .milliseconds(1)) }
                // The test library opens and closes a few of its own meanwhile.
                #expect(openDescriptors() < before + 20)
            }
        }
    }

    @Test("a stopping loop takes its children with it", arguments: kernels)
    func stop(ground: Ground) throws {
        let pid = Box<Int32>()
        let status = Box<ProcessStatus>()
        let loop = try ground.makeLoop()
        loop.submit { loop in
            if let child = try? await loop.spawnProcess(ProcessCommand("sleep", ["3600"])) {
                pid.set(child.pid)
                loop.stop()
                status.set(await child.wait(on: loop))
            }
        }
        loop.run()
        #expect(status.value == .signalled(SIGKILL))
        #expect(Glibc.kill(try #require(pid.value), 0) == -1)
    }
}

/// The descriptors that this process has open. Other suites run at the same time: count in a process
/// of its own.
func openDescriptors() -> Int {
    guard let folder = opendir("/proc/self/fd") else { return -1 }
    defer { closedir(folder) }
    var count = -3
    while readdir(folder) != nil { count += 1 }
    return count
}
