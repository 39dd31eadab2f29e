import HTTPClient
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

@Suite("Many at once", .serialized)
struct LoadTests {
    @Test("thousands of requests share few connections", arguments: backends)
    func many(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.connectionsPerHostMax = 16
        options.transfersMax = 200
        try withStage(backend, options: options) { stage, loop in
            let total = 3000
            let tasks = (0..<total).map { index in
                loop.spawn {
                    let response = try? await stage.get("/hello/\(index)", on: loop)
                    return response?.text == "hello \(index)"
                }
            }
            var good = 0
            for task in tasks where await task.value { good += 1 }
            #expect(good == total)
            #expect(stage.client.connectionCount <= 16)
            #expect(stage.client.runningCount == 0)
            #expect(stage.client.waitingCount == 0)
        }
    }

    @Test("what exceeds the waiting line is refused at once", arguments: backends)
    func overload(backend: EventLoop.Backend) throws {
        var options = HTTPClientOptions()
        options.transfersMax = 2
        options.waitingMax = 3
        try withStage(backend, options: options) { stage, loop in
            let request = HTTPClientRequest(.get, stage.url("/park"))
            let tasks = (0..<5).map { _ in
                failureLater(on: loop) { _ = try await stage.client.send(request, on: loop) }
            }
            await stage.notes.wait(on: loop) { $0.parked.count == 2 }
            let error = try await failure { _ = try await stage.client.send(request, on: loop) }
            #expect(error.code == .overloaded)
            // Who leaves the line makes room in it.
            tasks[4].cancel()
            #expect(await tasks[4].value?.code == .cancelled)
            #expect(stage.client.waitingCount == 2)
            for index in 0..<4 {
                await stage.notes.wait(on: loop) { $0.parked.count > index }
                stage.notes.parked[index].respond(.text("x"), on: loop)
            }
            for task in tasks[..<4] { #expect(await task.value == nil) }
        }
    }

    @Test("transfers that end in random states leave nothing behind", arguments: backends)
    func chaos(backend: EventLoop.Backend) throws {
        try withStage(backend) { stage, loop in
            var random = Seeded(42)
            let before = loop.resourceCount
            for _ in 0..<10 {
                let tasks = (0..<60).map { index in
                    let path = ["/hello/x", "/park", "/big/2000000", "/missing"][index % 4]
                    return failureLater(on: loop) { _ = try await stage.get(path, on: loop) }
                }
                for task in tasks {
                    if Bool.random(using: &random) { await loop.yield() }
                    if Int.random(in: 0..<3, using: &random) > 0 { task.cancel() }
                }
                await loop.sleep(for: .milliseconds(Int64.random(in: 0..<5, using: &random)))
                for exchange in stage.notes.parked { exchange.respond(.text("x"), on: loop) }
                stage.notes.parked = []
                for task in tasks { task.cancel() }
                for task in tasks { _ = await task.value }
            }
            #expect(stage.client.runningCount == 0)
            #expect(stage.client.waitingCount == 0)
            stage.client.close(on: loop)
            #expect(stage.client.connectionCount == 0)
            while loop.resourceCount > before {
                // The server keeps a connection whose request it has not answered.
                for exchange in stage.notes.parked { exchange.respond(.text("x"), on: loop) }
                stage.notes.parked = []
                await loop.sleep(for: .milliseconds(1))
            }
        }
    }
}
