import Bytes
import HTTPServer
import HTTPWire
import Reactor
import TLS
import TestSupport
import Testing

/// Files through encryption, where the kernel cannot send them by itself.
@Suite("Files over HTTPS", .serialized)
struct FileTests {
    private static let content = pattern(3_000_000)

    @Test("whole and in part, to readers of all speeds", arguments: kernels, [false, true])
    func files(ground: Ground, isSlow: Bool) throws {
        let folder = Folder()
        try onLoop(ground, limit: .seconds(60)) { loop in
            let path = folder.path + "/file"
            try await loop.writeFile(path, Self.content)
            var router = Router<Void>()
            router.onAsync(.get, "/file") { _, _, loop in try await .file(at: path, on: loop) }
            let server = HTTPServer(router: router, context: ())
            let pair = try Pair()
            var listening = pair.listening
            listening.channel.sendBuffer = 64 << 10
            let listener = try server.listen(on: .loopback(), options: listening, loop)
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: listener.localAddress, timeout: .seconds(30),
                security: pair.client.peer("localhost")
            ) { _ in recorder }
            for field in ["Range: bytes=1000000-1999999", "A: b", "Connection: close"] {
                let request = "GET /file HTTP/1.1\r\nHost: x\r\n\(field)\r\n\r\n"
                channel.write(Array(request.utf8), on: loop)
                let isPart = field.hasPrefix("Range")
                let expected = isPart ? Array(Self.content[1_000_000..<2_000_000]) : Self.content
                if isSlow {
                    for _ in 0..<20 {
                        channel.pauseReading(on: loop)
                        await loop.sleep(for: .milliseconds(1))
                        channel.resumeReading(on: loop)
                        await loop.yield()
                    }
                }
                await recorder.wait(on: loop) {
                    $0.bytes.count > expected.count
                        && $0.bytes.suffix(expected.count) == expected[...]
                        || $0.reason != nil
                }
                let start = String(decoding: recorder.bytes.prefix(13), as: UTF8.self)
                #expect(start == (isPart ? "HTTP/1.1 206 " : "HTTP/1.1 200 "))
                #expect(recorder.bytes.suffix(expected.count) == expected[...])
                recorder.bytes = []
            }
            await recorder.wait(on: loop) { $0.inputHasEnded || $0.reason != nil }
            #expect(recorder.inputHasEnded)
            await server.drain(timeout: .seconds(5), on: loop)
        }
    }
}
