import Bytes
import HTTPClient
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

/// Remembers what a transfer tells, and lets a task wait for it.
final class Recorder: HTTPTransferHandler {
    var head: HTTPClientResponseHead?
    var bytes: [UInt8] = []
    var pieces = 0
    var error: HTTPClientError?
    var endings = 0
    var onPiece: ((HTTPTransfer) -> Void)?
    private var waiter: (condition: (Recorder) -> Bool, UnsafeContinuation<Void, Never>)?

    func received(
        _ head: HTTPClientResponseHead, of transfer: HTTPTransfer, on loop: isolated EventLoop
    ) {
        #expect(self.head == nil && endings == 0)
        self.head = head
        check()
    }

    func received(_ bytes: RawSpan, of transfer: HTTPTransfer, on loop: isolated EventLoop) {
        #expect(head != nil && endings == 0)
        self.bytes += bytes.array
        pieces += 1
        onPiece?(transfer)
        check()
    }

    func ended(_ transfer: HTTPTransfer, error: HTTPClientError?, on loop: isolated EventLoop) {
        self.error = error
        // It may hold whatever a test needs, the recorder itself among it.
        onPiece = nil
        endings += 1
        check()
    }

    func wait(on loop: isolated EventLoop, until condition: @escaping (Recorder) -> Bool) async {
        if condition(self) { return }
        await withUnsafeContinuation(isolation: loop) { waiter = (condition, $0) }
    }

    func end(on loop: isolated EventLoop) async { await wait(on: loop) { $0.endings > 0 } }

    private func check() {
        guard let waiter, waiter.condition(self) else { return }
        self.waiter = nil
        waiter.1.resume()
    }
}

/// Serves as many bytes as the client takes, and counts them.
final class Fountain: ChannelHandler {
    private var position = 0
    let total: Int
    let sent: Heads

    init(total: Int, sent: Heads) {
        self.total = total
        self.sent = sent
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        channel.write(
            Array("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n".utf8), on: loop)
        pour(into: channel, on: loop)
    }

    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {
        pour(into: channel, on: loop)
    }

    private func pour(into channel: Channel, on loop: isolated EventLoop) {
        while channel.isWritable, position < total {
            let count = min(60_000, total - position)
            channel.write(pattern(count, from: position), on: loop)
            position += count
        }
        sent.count = position
    }
}

@Suite("Streaming")
struct StreamingTests {
    @Test("a handler gets head, pieces and end, once each", arguments: backends)
    func handler(backend: EventLoop.Backend) throws {
        try withStage(backend) { stage, loop in
            for size in [0, 1, 3_000_000] {
                let recorder = Recorder()
                let request = HTTPClientRequest(.get, stage.url("/big/\(size)"))
                let transfer = try stage.client.start(request, handler: recorder, on: loop)
                #expect(recorder.endings == 0)
                await recorder.end(on: loop)
                #expect(recorder.error == nil)
                #expect(recorder.head?.status == .ok)
                let isSame = recorder.bytes == pattern(size)
                #expect(isSame)
                #expect(transfer.hasEnded)
                transfer.cancel(on: loop)
                transfer.pauseReading(on: loop)
                transfer.resumeReading(on: loop)
                #expect(recorder.endings == 1)
            }
            #expect(stage.client.connectionCount == 1)
        }
    }

    @Test("a slow consumer slows the server down, and still gets everything", arguments: backends)
    func backpressure(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let total = 24 << 20
            let sent = Heads()
            let listener = try loop.listen(on: .loopback()) { _ in
                Fountain(total: total, sent: sent)
            }
            var options = HTTPClientOptions()
            options.bodyBytesMax = total
            let client = try HTTPClient(options, on: loop)
            let recorder = Recorder()
            recorder.onPiece = { transfer in
                transfer.pauseReading(on: loop)
            }
            let transfer = try client.start(
                HTTPClientRequest(.get, "http://\(listener.localAddress)/"), handler: recorder,
                on: loop)
            await recorder.wait(on: loop) { $0.pieces == 1 }
            // Everything that fits between the two has been sent when nothing more is for a while.
            var before = -1
            while before != sent.count {
                before = sent.count
                await loop.sleep(for: .milliseconds(50))
            }
            #expect(sent.count < total - (4 << 20), "\(sent.count) bytes were sent")
            #expect(recorder.pieces == 1)
            recorder.onPiece = { transfer in
                transfer.pauseReading(on: loop)
                transfer.resumeReading(on: loop)
            }
            transfer.resumeReading(on: loop)
            await recorder.end(on: loop)
            #expect(recorder.error == nil)
            let isSame = recorder.bytes == pattern(total)
            #expect(isSame)
            client.close(on: loop)
        }
    }

    @Test("pieces are read with await, and letting go ends the transfer", arguments: backends)
    func stream(backend: EventLoop.Backend) throws {
        try withStage(backend) { stage, loop in
            var request = HTTPClientRequest(.get, stage.url("/big/5000000"))
            var bytes: [UInt8] = []
            do {
                let stream = try await stage.client.open(request, on: loop)
                #expect(stream.head.headers["Content-Length"] == "5000000")
                while let piece = try await stream.next(on: loop) { bytes += piece }
                #expect(try await stream.next(on: loop) == nil)
            }
            let isSame = bytes == pattern(5_000_000)
            #expect(isSame)
            #expect(stage.client.runningCount == 0)
            do {
                let stream = try await stage.client.open(request, on: loop)
                _ = try await stream.next(on: loop)
                #expect(stage.client.runningCount == 1)
            }
            #expect(stage.client.runningCount == 0)
            let stream = try await stage.client.open(request, on: loop)
            stream.cancel(on: loop)
            #expect(stage.client.runningCount == 0)
            let error = try await failure {
                while try await stream.next(on: loop) != nil {}
            }
            #expect(error.code == .cancelled)
            request.url = "http://127.0.0.1:1/"
            let refused = try await failure {
                _ = try await stage.client.open(request, on: loop)
            }
            #expect(refused.code == .connectFailed)
        }
    }

    @Test("a streamed body goes out with a length or in chunks", arguments: backends)
    func upload(backend: EventLoop.Backend) throws {
        try withStage(backend) { stage, loop in
            for length in [3_000_000, 0, nil] {
                let bytes = pattern(length ?? 2_500_000)
                let body = HTTPClientBody.stream(length: length) { upload in
                    loop.spawn {
                        var start = 0
                        while start < bytes.count {
                            await upload.waitUntilWritable(on: loop)
                            let end = min(start + 70_000, bytes.count)
                            upload.write(Array(bytes[start..<end]), on: loop)
                            start = end
                        }
                        upload.finish(on: loop)
                        upload.write([1], on: loop)
                    }
                }
                let request = HTTPClientRequest(.post, stage.url("/echo"), body: body)
                let response = try await stage.client.send(request, on: loop)
                let isSame = response.body == bytes
                #expect(isSame)
            }
            #expect(stage.client.connectionCount == 1)
        }
    }

    @Test(
        "a body that fails, or has not the length announced, ends the request", arguments: backends)
    func brokenUpload(backend: EventLoop.Backend) throws {
        try withStage(backend) { stage, loop in
            for way in 0..<6 {
                let body = HTTPClientBody.stream(length: 3) { upload in
                    let write = {
                        switch way / 2 {
                        case 0: upload.write([1, 2, 3, 4], on: loop)
                        case 1:
                            upload.write([1, 2], on: loop)
                            upload.finish(on: loop)
                        default: upload.fail("the disk is gone", on: loop)
                        }
                    }
                    // At once, and later.
                    if way % 2 == 0 { write() } else { loop.schedule(after: .zero, write) }
                }
                let error = try await failure {
                    let request = HTTPClientRequest(.post, stage.url("/echo"), body: body)
                    _ = try await stage.client.send(request, on: loop)
                }
                #expect(error.code == .bodyFailed, "\(error)")
            }
        }
    }

    @Test("an answer before the end of the body ends the body", arguments: backends)
    func earlyAnswer(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let address = try loop.listen { peer, channel in
                guard peer.step == 0, peer.takeHead() != nil else { return }
                peer.step = 1
                channel.write(
                    Array("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno".utf8),
                    on: loop)
                channel.close(on: loop)
            }
            let client = try HTTPClient(on: loop)
            let abandoned = Heads()
            let body = HTTPClientBody.stream(length: nil) { upload in
                loop.spawn {
                    while !upload.hasBeenAbandoned {
                        upload.write(pattern(10_000), on: loop)
                        await upload.waitUntilWritable(on: loop)
                        await loop.yield()
                    }
                    abandoned.count = 1
                }
            }
            let request = HTTPClientRequest(.post, "http://\(address)/", body: body)
            let response = try await client.send(request, on: loop)
            #expect(response.status.code == 413)
            #expect(response.text == "no")
            while abandoned.count == 0 { await loop.yield() }
            client.close(on: loop)
        }
    }

    @Test("a kept connection that died is replaced, and the body sent again", arguments: backends)
    func staleConnection(backend: EventLoop.Backend) throws {
        try onLoop(backend) { loop in
            let heads = Heads()
            // Each connection answers once, keeps silent about its end, and closes upon the next
            // request: a server whose idle timeout has just run out.
            let address = try loop.listen { peer, channel in
                guard peer.text.hasSuffix("BODY") || peer.text.hasSuffix("0\r\n\r\n") else {
                    return
                }
                if peer.step == 1 { return channel.abort(on: loop) }
                peer.step = 1
                heads.list.append(peer.text)
                peer.input = []
                channel.write(
                    Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8), on: loop)
            }
            let client = try HTTPClient(on: loop)
            for isStreamed in [false, true, false, true] {
                let body: HTTPClientBody =
                    isStreamed
                    ? .stream(length: nil) { upload in
                        upload.write(Array("BODY".utf8), on: loop)
                        upload.finish(on: loop)
                    } : .bytes(Array("BODY".utf8))
                let request = HTTPClientRequest(.post, "http://\(address)/", body: body)
                let response = try await client.send(request, on: loop)
                #expect(response.status == .ok)
            }
            #expect(heads.list.count == 4)
            let areWhole = heads.list.allSatisfy { $0.contains("BODY") }
            #expect(areWhole)
            client.close(on: loop)
        }
    }

    @Test("handlers may start, cancel and close from inside their calls", arguments: backends)
    func reentrancy(backend: EventLoop.Backend) throws {
        try withStage(backend) { stage, loop in
            let first = Recorder()
            let second = Recorder()
            first.onPiece = { transfer in
                transfer.cancel(on: loop)
                #expect(first.endings == 1)
                let request = HTTPClientRequest(.get, stage.url("/big/100000"))
                _ = try? stage.client.start(request, handler: second, on: loop)
            }
            let request = HTTPClientRequest(.get, stage.url("/big/3000000"))
            try stage.client.start(request, handler: first, on: loop)
            await second.end(on: loop)
            #expect(first.pieces == 1)
            #expect(first.error?.code == .cancelled)
            #expect(second.error == nil)
            #expect(second.bytes.count == 100_000)
            let third = Recorder()
            third.onPiece = { _ in
                stage.client.close(on: loop)
            }
            try stage.client.start(request, handler: third, on: loop)
            await third.end(on: loop)
            #expect(third.pieces == 1)
            #expect(third.error?.code == .closed)
        }
    }
}
