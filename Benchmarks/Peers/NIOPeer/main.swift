// The servers and loops that SwiftNIO's users would write, on one event loop's thread:
//
//     NIOPeer echo PORT | http PORT | wakeup ROUNDS LOOP-CORE SUBMITTING-CORE | timers COUNT

import NIOCore
import NIOHTTP1
import NIOPosix

let numbers = CommandLine.arguments.dropFirst(2).compactMap { Int($0) }
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

switch (CommandLine.arguments.dropFirst().first, numbers.count) {
case ("echo", 1): try serve(on: numbers[0], in: group, setUpEcho)
case ("http", 1):
    let loop = group.next()
    let site = try loop.submit { NIOLoopBound(Site(), eventLoop: loop) }.wait()
    try serve(on: numbers[0], in: group) { channel in
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
            try pipeline.addHandler(HTTPHandler(site.value))
        }
    }
case ("wakeup", 3):
    try measureWakeUps(
        rounds: numbers[0], loopCore: numbers[1], submittingCore: numbers[2], group.next())
case ("timers", 1): try measureTimers(count: numbers[0], group.next())
default:
    print("usage: NIOPeer echo PORT | http PORT | wakeup ROUNDS CORE CORE | timers COUNT")
}

/// Listens until the process is ended. The options are those of NIO's own HTTP example, with a backlog that
/// thousands of clients fit in and without Nagle's delay.
func serve(
    on port: Int, in group: MultiThreadedEventLoopGroup,
    _ setUp: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
) throws {
    let channel = try ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: 4096)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer(setUp)
        .childChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.maxMessagesPerRead, value: 1)
        .bind(host: "127.0.0.1", port: port).wait()
    try channel.closeFuture.wait()
}
