import Bytes
import HTTPClient
import HTTPServer
import HTTPWire
import Reactor
import Synchronization
import TestSupport
import Testing

@Suite("Time and endings")
struct TimeAndEndTests {
    @Test("a server that never answers runs into the timeout that comes first", arguments: backends)
    func timeouts(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.idleTimeout = .milliseconds(80)
        try withStage(backend, options: options) { stage, loop in
            var request = HTTPClientRequest(.get, stage.url("/park"))
            let idle = try await failure { _ = try await stage.client.send(request, on: loop) }
            #expect(idle.code == .timedOut)
            #expect(idle.message.contains("nothing came or went"))
            request.timeout = .milliseconds(30)
            let total = try await failure { _ = try await stage.client.send(request, on: loop) }
            #expect(total.code == .timedOut)
            #expect(total.message.contains("not complete within"))
            #expect(stage.client.runningCount == 0)
            #expect(stage.client.connectionCount == 0)
        }
    }

    @Test(
        "a listener that never accepts a handshake runs into the connect timeout",
        arguments: backends)
    func connectTimeout(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let address = try loop.listen { _, _ in }
            var options = HTTPClientOptions()
            options.connectTimeout = .milliseconds(50)
            let client = try HTTPClient(options, on: loop)
            let error = try await failure {
                _ = try await client.send(
                    HTTPClientRequest(.get, "https://\(address)/"), on: loop)
            }
            #expect(error.code == .timedOut, "\(error)")
            #expect(error.message.contains("no connection within"))
            client.close(on: loop)
        }
    }

    @Test("a consumer that pauses for long is no idle server", arguments: backends)
    func pauseIsNotIdle(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.idleTimeout = .milliseconds(20)
        try withStage(backend, options: options) { stage, loop in
            let stream = try await stage.client.open(
                HTTPClientRequest(.get, stage.url("/big/5000000")), on: loop)
            await loop.sleep(for: .milliseconds(100))
            var count = 0
            while let piece = try await stream.next(on: loop) { count += piece.count }
            #expect(count == 5_000_000)
        }
    }

    @Test("cancelling a task frees its transfer at once", arguments: backends)
    func cancellation(backend: EventLoop.Backend) throws {
        try withStage(backend) { stage, loop in
            let request = HTTPClientRequest(.get, stage.url("/park"))
            let task = failureLater(on: loop) { _ = try await stage.client.send(request, on: loop) }
            await stage.notes.wait(on: loop) { $0.parked.count == 1 }
            #expect(stage.client.runningCount == 1)
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            #expect(stage.client.runningCount == 0)
            #expect(stage.client.connectionCount == 0)
            let opening = failureLater(on: loop) {
                _ = try await stage.client.open(request, on: loop)
            }
            await stage.notes.wait(on: loop) { $0.parked.count == 2 }
            opening.cancel()
            #expect(await opening.value?.code == .cancelled)
            #expect(stage.client.runningCount == 0)
        }
    }

    @Test("a request of a cancelled task is not sent")
    func cancelledBefore() throws {
        try withStage(.epoll) { stage, loop in
            let task = loop.spawn {
                withUnsafeCurrentTask { $0?.cancel() }
                do {
                    _ = try await stage.get("/hello/x", on: loop)
                    return nil as HTTPClientError?
                } catch {
                    return error as? HTTPClientError
                }
            }
            #expect(await task.value?.code == .cancelled)
            #expect(stage.notes.requests == 0)
        }
    }

    @Test("closing the client ends everything that is under way or waits", arguments: backends)
    func closing(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.transfersMax = 3
        try withStage(backend, options: options) { stage, loop in
            let request = HTTPClientRequest(.get, stage.url("/park"))
            let tasks = (0..<5).map { _ in
                failureLater(on: loop) { _ = try await stage.client.send(request, on: loop) }
            }
            await stage.notes.wait(on: loop) { $0.parked.count == 3 }
            #expect(stage.client.runningCount == 3)
            #expect(stage.client.waitingCount == 2)
            stage.client.close(on: loop)
            for task in tasks { #expect(await task.value?.code == .closed) }
            let after = try await failure { _ = try await stage.client.send(request, on: loop) }
            #expect(after.code == .closed)
        }
    }

    @Test("a loop that stops ends everything as well", arguments: backends)
    func stopping(backend: EventLoop.Backend) throws {
        let loop = try EventLoop(backend: backend)
        let outcomes = Mutex<[HTTPClientError.Code]>([])
        loop.submit { loop in
            do {
                // A listener that answers nothing.
                let address = try loop.listen { peer, channel in
                    if peer.takeHead() != nil { loop.stop() }
                }
                let client = try HTTPClient(on: loop)
                let request = HTTPClientRequest(.get, "http://\(address)/")
                let recorder = Recorder()
                try client.start(request, handler: recorder, on: loop)
                let error = try await failure { _ = try await client.send(request, on: loop) }
                outcomes.withLock { list in
                    list.append(error.code)
                    if let code = recorder.error?.code { list.append(code) }
                }
                let late = try await failure { _ = try await client.send(request, on: loop) }
                outcomes.withLock { $0.append(late.code) }
            } catch {
                Issue.record(error)
            }
        }
        loop.run()
        #expect(outcomes.withLock { $0 } == [.closed, .closed, .closed])
    }

    @Test("a client that is let go ends what it has begun, and then itself", arguments: backends)
    func lettingGo(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let answers = Heads()
            let before = loop.resourceCount
            let listener = try loop.listen(on: .loopback()) { _ in
                ScriptedPeer(
                    answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", answers, on: loop))
            }
            let recorder = Recorder()
            do {
                let client = try HTTPClient(on: loop)
                let request = HTTPClientRequest(.get, "http://\(listener.localAddress)/")
                try client.start(request, handler: recorder, on: loop)
            }
            await recorder.end(on: loop)
            #expect(recorder.error == nil)
            #expect(recorder.bytes == [UInt8(ascii: "x")])
            listener.close(on: loop)
            while loop.resourceCount > before { await loop.sleep(for: .milliseconds(1)) }
        }
    }

    @Test("a client with nothing to do closes its connections", arguments: backends)
    func idleAge(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.idleConnectionAge = .milliseconds(40)
        try withStage(backend, options: options) { stage, loop in
            for _ in 0..<2 {
                let response = try await stage.get("/hello/x", on: loop)
                #expect(response.status == .ok)
                #expect(stage.client.connectionCount == 1)
                while stage.client.connectionCount > 0 {
                    await loop.sleep(for: .milliseconds(5))
                }
            }
        }
    }
}
