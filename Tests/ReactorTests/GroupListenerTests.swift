import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Reactor

@Suite("Listeners of groups", .serialized)
struct GroupListenerTests {
    /// Echoes, behind the number of the loop that serves the connection.
    private final class Numbered: ChannelHandler {
        let number: UInt8
        init(_ number: UInt8) { self.number = number }
        func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
            precondition(loop.isCurrent)
            channel.write([number], on: loop)
            channel.write(bytes, on: loop)
        }
    }

    private func listen(
        _ group: EventLoopGroup, on address: SocketAddress, _ spreading: EventLoopGroup.Spreading
    ) async throws -> GroupListener {
        try await group.listen(on: address, spreading: spreading) { loop in
            let number = UInt8(group.loops.firstIndex { $0 === loop } ?? 255)
            return { _ in Numbered(number) }
        }
    }

    /// Connects `count` times from a loop of its own, and returns which loop answered each.
    private func converse(
        _ backend: EventLoop.Backend, with address: SocketAddress, count: Int,
        whileOpen body: @escaping @Sendable () async -> Void = {}
    ) async throws -> [Int] {
        let clients = try EventLoopGroup(EventLoopGroup.Options(count: 1, backend: backend))
        defer { clients.stop() }
        let answers = await clients.next().submit { loop -> [Int] in
            var recorders: [(Recorder, Channel)] = []
            for _ in 0..<count {
                let recorder = Recorder()
                guard
                    let channel = try? await loop.connect(
                        to: address, timeout: .seconds(20), handler: { _ in recorder })
                else { return [] }
                recorders.append((recorder, channel))
                channel.write([65, 66], on: loop)
                await recorder.wait(on: loop) { $0.bytes.count == 3 || $0.reason != nil }
            }
            await body()
            let answers = recorders.map { Int($0.0.bytes.first ?? 255) }
            for (_, channel) in recorders { channel.close(on: loop) }
            return answers
        }.value
        return answers
    }

    @Test("the kernel spreads connections over the loops", arguments: backends)
    func kernelSpreads(backend: EventLoop.Backend) async throws {
        let group = try EventLoopGroup(EventLoopGroup.Options(count: 3, backend: backend))
        let listener = try await listen(group, on: .loopback(), .automatic)
        let answers = try await converse(backend, with: listener.localAddress, count: 60)
        #expect(answers.count == 60)
        let byLoop = (0..<3).map { loop in answers.count { $0 == loop } }
        #expect(listener.accepted == byLoop)
        // One chance in 10^10 that a loop gets none.
        #expect(!byLoop.contains(0))
        group.stop()
    }

    @Test(
        "one loop hands connections to the others in turn",
        arguments: backends, [false, true])
    func roundRobin(backend: EventLoop.Backend, overUnix: Bool) async throws {
        let group = try EventLoopGroup(EventLoopGroup.Options(count: 4, backend: backend))
        let listener = try await listen(
            group, on: overUnix ? .unix(path: temporaryPath("group")) : .loopback(),
            overUnix ? .automatic : .roundRobin)
        let open = Guarded<[GroupListener.LoopStatistics]>([])
        let answers = try await converse(backend, with: listener.localAddress, count: 40) {
            let statistics = await listener.statistics()
            open.withLock { $0 = statistics }
        }
        #expect(answers == (0..<40).map { $0 % 4 })
        #expect(
            open.withLock { $0 }
                == [GroupListener.LoopStatistics](
                    repeating: .init(accepted: 10, channels: 10), count: 4))
        group.stop()
    }

    @Test(
        "after closing nobody is served, and who is served stays so",
        arguments: backends, [EventLoopGroup.Spreading.kernel, .roundRobin])
    func closing(backend: EventLoop.Backend, spreading: EventLoopGroup.Spreading) async throws {
        let group = try EventLoopGroup(EventLoopGroup.Options(count: 2, backend: backend))
        let listener = try await listen(group, on: .loopback(), spreading)
        let clients = try EventLoopGroup(EventLoopGroup.Options(count: 1, backend: backend))
        let outcome = await clients.next().submit { loop -> (UInt8?, Int32) in
            let recorder = Recorder()
            let channel = try? await loop.connect(
                to: listener.localAddress, timeout: .seconds(20), handler: { _ in recorder })
            channel?.write([1], on: loop)
            await recorder.wait(on: loop) { $0.bytes.count == 2 || $0.reason != nil }
            await listener.close()
            channel?.write([7], on: loop)
            await recorder.wait(on: loop) { $0.bytes.count == 4 || $0.reason != nil }
            do throws(SystemError) {
                _ = try await loop.connect(
                    to: listener.localAddress, timeout: .seconds(20), handler: { _ in Recorder() })
                return (recorder.bytes.last, 0)
            } catch {
                return (recorder.bytes.last, error.code)
            }
        }.value
        #expect(outcome == (7, ECONNREFUSED))
        clients.stop()
        group.stop()
    }

    @Test("an address that is taken leaves no loop listening", arguments: [false, true])
    func taken(sharded: Bool) async throws {
        let group = try EventLoopGroup(EventLoopGroup.Options(count: 3, backend: .epoll))
        let before = await group.onEach { $0.resourceCount }
        let owner = try EventLoopGroup(EventLoopGroup.Options(count: 1, backend: .epoll))
        let occupied = try await listen(owner, on: .loopback(), .roundRobin)
        let error = await #expect(throws: SystemError.self) {
            _ = try await listen(
                group, on: occupied.localAddress, sharded ? .kernel : .roundRobin)
        }
        #expect(error?.code == EADDRINUSE)
        #expect(await group.onEach { $0.resourceCount } == before)
        owner.stop()
        group.stop()
    }

    @Test("connections that are being handed over when all stops leave no descriptor")
    func stoppingWhileHanding() async throws {
        await #expect(processExitsWith: .success) {
            func count() -> Int { (0..<1024).count { fcntl(Int32($0), F_GETFD) >= 0 } }
            // The first group also makes what stays open for good, whatever it is.
            var before = 0
            for round in 0..<20 {
                let group = try EventLoopGroup(EventLoopGroup.Options(count: 3, backend: .epoll))
                let listener = try await group.listen(on: .loopback(), spreading: .roundRobin) {
                    _ in { _ in Echo() }
                }
                var sockets: [Int32] = []
                for _ in 0..<20 {
                    let socket = connectBlocking(to: listener.localAddress)
                    guard socket >= 0 else { exit(1) }
                    sockets.append(socket)
                }
                group.stop()
                for socket in sockets { close(socket) }
                if round == 0 { continue }
                if round == 1 { before = count() }
            }
            guard count() <= before else { exit(2) }
            exit(0)
        }
    }
}
