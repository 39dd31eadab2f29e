import Glibc
import TestSupport
import Testing

@testable import ProcessControl

@Suite struct PidFileTests {
    @Test func absentFileIsNoProcess() throws {
        let folder = Folder()
        #expect(try PidFile.status(of: "\(folder.path)/pid") == .absent)
        #expect(try PidFile.status(of: "\(folder.path)/none/pid") == .absent)
    }

    @Test func claimedFileIsThisProcessUntilReleased() throws {
        let folder = Folder()
        let path = "\(folder.path)/pid"
        let file = try PidFile.claim(path)
        #expect(folder.text("pid") == "\(getpid())\n")
        #expect(try PidFile.status(of: path) == .running(pid: getpid()))
        file.release()
        #expect(try PidFile.status(of: path) == .absent)
    }

    @Test func secondClaimIsRefusedAndLeavesTheFile() throws {
        let folder = Folder()
        let path = "\(folder.path)/pid"
        let file = try PidFile.claim(path)
        let error = #expect(throws: ProcessControlError.self) { try PidFile.claim(path) }
        #expect(error?.code == .alreadyRunning && error?.pid == getpid())
        #expect(error?.description == "already running as process \(getpid()) (\(path))")
        #expect(folder.text("pid") == "\(getpid())\n")
        file.release()
    }

    @Test(arguments: ["", "\n", "garbage\n", "-1\n", "0\n", "99999999999999\n", "4194303999\n"])
    func uselessContentIsStaleAndTakenOver(content: String) throws {
        let folder = Folder()
        folder.write("pid", content)
        #expect(try PidFile.status(of: "\(folder.path)/pid") == .stale(pid: nil))
        try PidFile.claim("\(folder.path)/pid").release()
    }

    @Test func numberOfADeadProcessIsStaleAndTakenOver() throws {
        let folder = Folder()
        let child = try ChildProcess(Command("/bin/sh", ["-c", "exit 0"]))
        #expect(child.wait() == .exited(0))
        folder.write("pid", "\(child.pid)\n     some more text than the new number needs\n")
        #expect(try PidFile.status(of: "\(folder.path)/pid") == .stale(pid: child.pid))
        let file = try PidFile.claim("\(folder.path)/pid")
        #expect(folder.text("pid") == "\(getpid())\n")
        file.release()
    }

    @Test func numberOfALaterProcessIsStale() throws {
        let folder = Folder()
        let path = "\(folder.path)/pid"
        let child = try ChildProcess(Command("/bin/sleep", ["60"]))
        defer { end(child) }
        folder.write("pid", "\(child.pid)\n")
        // Somebody else's server, which does not lock its pid file.
        #expect(try PidFile.status(of: path) == .running(pid: child.pid))
        #expect(throws: ProcessControlError.self) { try PidFile.claim(path) }
        var times = [timeval(tv_sec: 1_000_000_000, tv_usec: 0)]
        times.append(times[0])
        #expect(utimes(path, times) == 0)
        #expect(try PidFile.status(of: path) == .stale(pid: child.pid))
        try PidFile.claim(path).release()
    }

    @Test func fileOfAnotherIsNotRemoved() throws {
        let folder = Folder()
        let path = "\(folder.path)/pid"
        let file = try PidFile.claim(path)
        unlink(path)
        folder.write("pid", "1\n")
        file.release()
        #expect(folder.text("pid") == "1\n")
    }

    @Test func unwritablePlaceIsNamed() {
        let error = #expect(throws: ProcessControlError.self) {
            try PidFile.claim("/nonexistent/beamline.pid")
        }
        #expect(
            error?.description
                == "/nonexistent/beamline.pid: cannot be written: No such file or directory")
    }
}

/// Ends a child for certain.
func end(_ child: ChildProcess) {
    child.signal(SIGKILL)
    _ = child.wait()
}
