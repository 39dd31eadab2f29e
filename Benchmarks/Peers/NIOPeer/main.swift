// The servers and loops that SwiftNIO's users would write, on one event loop's thread:
//
//     NIOPeer echo PORT | http PORT

import NIOCore
import NIOPosix

let arguments = CommandLine.arguments
guard arguments.count > 1 else { fatalError("usage: NIOPeer echo PORT | http PORT") }
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let port = arguments.count > 2 ? Int(arguments[2]) ?? 0 : 0

switch arguments[1] {
case "echo": try serve(on: port, in: group, echo)
default: fatalError("NIOPeer does not know \(arguments[1])")
}

/// Listens until the process is ended. The options are those of NIO's own example servers, with a backlog
/// that thousands of clients fit in and without Nagle's delay, as its HTTP example has it.
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
