import CProcess
import Glibc
import Synchronization

/// A child that ends with this process, however this process ends.
final class GuardedProcess: Sendable {
    private struct State {
        var lifeline: Int32?
        var exitCode: Int32?
    }

    let child: pid_t
    private let guardian: pid_t
    private let state: Mutex<State>

    /// Starts `arguments[0]` in `folder`; its output is appended to `log`. What is `doomed` is removed
    /// when the child ended because this object was released or because this process ended.
    init(
        _ arguments: [String], in folder: String, as account: Account, log: String,
        lossSignal: Int32 = SIGKILL, doomed: String? = nil
    ) throws(PostgresClusterError) {
        let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard output >= 0 else {
            throw PostgresClusterError("cannot write \(log): \(Files.message(errno))")
        }
        defer { close(output) }
        try account.own(log)
        var environment = ["LC_ALL=C", "PATH=\(Files.environment("PATH") ?? "/usr/bin:/bin")"]
        if let zone = Files.environment("TZ") { environment.append("TZ=\(zone)") }
        var guarded = cprocess_guard()
        let words = [arguments[0], folder, doomed ?? ""]
        let code = withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in
                withCStrings(words) { words -> Int32 in
                    guard let program = words[0], let folder = words[1] else { return ENOMEM }
                    var options = cprocess_guard_options(
                        program: program, arguments: arguments, environment: environment,
                        folder: folder, drops_privileges: account.isOther, user: account.user,
                        group: account.group, output: output, loss_signal: lossSignal,
                        doomed: doomed == nil ? nil : words[2])
                    return cprocess_guard_start(&options, &guarded)
                }
            }
        }
        guard code == 0 else {
            throw PostgresClusterError(
                "cannot start \(arguments.first ?? "") in \(folder): \(Files.message(code))"
                    + (code == EACCES
                        ? " (the PostgreSQL user must be able to enter every folder above it)" : "")
            )
        }
        child = guarded.child
        guardian = guarded.guardian
        state = Mutex(State(lifeline: guarded.lifeline))
    }

    deinit {
        release()
        _ = wait(seconds: 0)
    }

    /// Sends the child a signal; what would be removed with it is kept from now on.
    func signal(_ number: Int32) {
        state.withLock { state in
            guard let lifeline = state.lifeline else { return }
            var byte = UInt8(truncatingIfNeeded: number)
            // A failure means that the child is gone, which waiting shows.
            _ = Glibc.write(lifeline, &byte, 1)
        }
    }

    /// Lets go of the child, as the end of this process would.
    func release() {
        state.withLock { state in
            guard let lifeline = state.lifeline else { return }
            Glibc.close(lifeline)
            state.lifeline = nil
        }
    }

    /// The exit code if the child has ended or ends within the time.
    func wait(seconds: Double) -> Int32? {
        Clock.poll(seconds: seconds) {
            state.withLock { state in
                if let code = state.exitCode { return code }
                var status: Int32 = 0
                guard waitpid(guardian, &status, WNOHANG) == guardian else { return nil }
                let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
                state.exitCode = code
                return code
            }
        }
    }
}

/// Monotonic time.
enum Clock {
    /// Asks again and again until there is an answer or the time is over; asks at least once.
    static func poll<Answer>(seconds limit: Double, _ ask: () -> Answer?) -> Answer? {
        let until = seconds() + limit
        while true {
            if let answer = ask() { return answer }
            if seconds() >= until { return nil }
            usleep(2_000)
        }
    }

    static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// A NULL-terminated array of C strings, as execve takes it.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    let copies = strings.map { strdup($0) } + [nil]
    defer { copies.forEach { free($0) } }
    return copies.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("the array ends with nil") }
        return body(base)
    }
}
