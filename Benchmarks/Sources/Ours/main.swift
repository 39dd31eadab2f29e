// The product under measurement, through its public libraries:
//
//     Ours BACKEND echo PORT | http PORT | wakeup ROUNDS LOOP-CORE SUBMITTING-CORE | timers COUNT

import Glibc
import Reactor

let arguments = CommandLine.arguments
let numbers = arguments.dropFirst(3).compactMap { Int($0) }
guard arguments.count > 3, let backend = EventLoop.Backend(rawValue: arguments[1]) else {
    print(
        "usage: Ours epoll|io_uring echo PORT | http PORT | wakeup ROUNDS CORE CORE | timers COUNT")
    exit(2)
}
let loop = try EventLoop(backend: backend)
switch (arguments[2], numbers.count) {
case ("echo", 1):
    raiseDescriptorLimit()
    let address = SocketAddress.loopback(port: UInt16(numbers[0]))
    loop.submit { loop in listenForEcho(on: address, loop) }
    loop.run()
case ("http", 1):
    raiseDescriptorLimit()
    let address = SocketAddress.loopback(port: UInt16(numbers[0]))
    loop.submit { loop in listenForHTTP(on: address, loop) }
    loop.run()
case ("wakeup", 3):
    measureWakeUps(
        rounds: numbers[0], loopCore: numbers[1], submittingCore: numbers[2], loop)
case ("timers", 1):
    let count = numbers[0]
    loop.submit { loop in measureTimers(count: count, loop) }
    loop.run()
default:
    print("Ours does not know \(arguments[2])")
    exit(2)
}

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
