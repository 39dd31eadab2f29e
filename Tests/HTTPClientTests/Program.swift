import Glibc
import TestSupport
import Testing

/// A program that a test runs, with a socket for its input and output.
///
/// The socket is closed in programs that are started at the same time, which would keep it open
/// otherwise, and neither of the two would ever see the end of its input.
final class Program {
    private let process: pid_t
    private let socket: Int32

    init(_ arguments: [String], folder: String = "/") throws {
        let (ours, theirs) = socketPair()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, theirs, 0)
        posix_spawn_file_actions_adddup2(&actions, theirs, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        let words = (["env", "-C", folder] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var process = pid_t()
        let code = posix_spawnp(&process, "env", &actions, nil, words, environ)
        close(theirs)
        (socket, self.process) = (ours, process)
        try #require(code == 0, "\(arguments[0]) cannot be started")
    }

    deinit { close(socket) }

    /// The first line that it writes.
    func readLine() throws -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(socket, &byte, 1) == 1, byte != 0x0a { line.append(byte) }
        try #require(!line.isEmpty, "the program wrote nothing")
        return String(decoding: line, as: UTF8.self)
    }

    /// Ends its input, waits for it and returns its status, 0 if all went well.
    @discardableResult
    func finish() -> Int32 {
        shutdown(socket, Int32(SHUT_WR))
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}
