// The product under measurement, through its public libraries:
//
//     Ours echo PORT BACKEND

import Glibc
import Reactor

let arguments = CommandLine.arguments
guard arguments.count == 4, let port = UInt16(arguments[2]),
    let backend = EventLoop.Backend(rawValue: arguments[3])
else {
    print("usage: Ours echo PORT epoll|io_uring")
    exit(2)
}
raiseDescriptorLimit()
let loop = try EventLoop(backend: backend)
switch arguments[1] {
case "echo": loop.submit { loop in listenForEcho(on: .loopback(port: port), loop) }
default:
    print("Ours does not know \(arguments[1])")
    exit(2)
}
loop.run()

/// A server with thousands of clients does this in its own way; a benchmark takes what is allowed.
func raiseDescriptorLimit() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// Ends the process where there is nothing to measure.
func orExit<Result>(_ call: () throws -> Result) -> Result {
    do { return try call() } catch {
        print(error)
        exit(1)
    }
}
