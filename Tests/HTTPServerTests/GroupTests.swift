import Glibc
import HTTPServer
import HTTPWire
import Reactor
import Synchronization
import TestSupport
import Testing

@Suite("HTTP on a group of loops", .serialized)
struct GroupTests {
    /// What one loop's server has: it never leaves the loop.
    private final class Own {
        let number: Int
        var requests = 0
        init(_ number: Int) { self.number = number }
    }

    /// Collects an answer up to its end.
    private final class Client: ChannelHandler {
        var bytes: [UInt8] = []
        var waiter: UnsafeContinuation<Void, Never>?
        private var isClosed = false

        func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
            for offset in 0..<bytes.byteCount {
                self.bytes.append(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            }
        }

        func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
            isClosed = true
            waiter.take()?.resume()
        }

        func end(on loop: isolated EventLoop) async {
            guard !isClosed else { return }
            await withUnsafeContinuation(isolation: loop) { waiter = $0 }
        }
    }

    @Test("each loop serves its share with what is its own", arguments: backends)
    func serving(backend: EventLoop.Backend) async throws {
        let group = try EventLoopGroup(EventLoopGroup.Options(count: 3, backend: backend))
        let servers = try await group.serve(on: .loopback(), spreading: .roundRobin) {
            loop -> HTTPServer<Own> in
            var router = Router<Own>()
            router.onImmediate(.get, "/number") { _, own, loop in
                own.requests += 1
                return .text("loop \(own.number), request \(own.requests)\n")
            }
            return HTTPServer(
                router: router, context: Own(group.loops.firstIndex { $0 === loop } ?? -1))
        }
        let clients = try EventLoopGroup(EventLoopGroup.Options(count: 1, backend: backend))
        let address = servers.listener.localAddress
        let answers = await clients.next().submit { loop -> [String] in
            var answers: [String] = []
            for _ in 0..<6 {
                let client = Client()
                let channel = try? await loop.connect(
                    to: address, timeout: .seconds(20), handler: { _ in client })
                guard let channel else { return answers }
                let request = "GET /number HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                channel.write(Array(request.utf8), on: loop)
                await client.end(on: loop)
                let lines = client.bytes.split(separator: UInt8(ascii: "\n"))
                answers.append(String(decoding: lines.last ?? [], as: UTF8.self))
            }
            return answers
        }.value
        #expect(
            answers == (0..<6).map { "loop \($0 % 3), request \($0 / 3 + 1)" })
        #expect(servers.listener.accepted == [2, 2, 2])
        await servers.drain(timeout: .seconds(20))
        #expect(await servers.onEach { server, _ in server.connectionCount } == [nil, nil, nil])
        clients.stop()
        group.stop()
    }
}
