import Bytes
import Glibc
import HTTPServer
import HTTPWire
import Reactor
import TestSupport
import Testing

/// Answers with files, over sockets and on both backends.
@Suite(.serialized) struct FileTests {
    private static let content = pattern(700_000)

    /// A server whose `/file` is `content`, and whose `/path/…` is whatever file has that name.
    private func withFiles(
        _ backend: EventLoop.Backend, content: [UInt8] = content,
        options: HTTPServerOptions = HTTPServerOptions(),
        listening: ListenerOptions = ListenerOptions(),
        _ body:
            @escaping @Sendable (
                Folder, Services, SocketAddress, isolated EventLoop
            ) async throws -> Void
    ) throws {
        let folder = Folder()
        try withServer(
            backend, options: options, listening: listening,
            routes: { router in
                let path = folder.path
                router.onAsync(.get, "/file") { _, _, loop in
                    try await .file(at: path + "/file", contentType: "a/b", on: loop)
                }
                router.onAsync(.get, "/path/{name}") { request, _, loop in
                    try await .file(at: path + "/" + request.parameters.text("name"), on: loop)
                }
                router.onAsync(.post, "/file") { _, _, loop in
                    try await .file(at: path + "/file", on: loop)
                }
                router.onAsync(.get, "/own") { _, _, loop in
                    try await .file(
                        at: path + "/file", contentType: "text/plain",
                        headers: ["ETag": "\"own\"", "Cache-Control": "immutable"], on: loop)
                }
                router.onAsync(.get, "/part") { _, _, loop in
                    let file = try await loop.openFile(path + "/file")
                    return HTTPResponse(body: .file(FilePart(file, 10..<20)))
                }
                router.onAsync(.get, "/gone") { _, _, loop in
                    var response = try await HTTPResponse.file(at: path + "/file", on: loop)
                    response.status = .notFound
                    return response
                }
            }
        ) { _, services, address, loop in
            try await loop.writeFile(folder.path + "/file", content)
            try await body(folder, services, address, loop)
        }
    }

    private static func request(
        _ path: String, method: String = "GET", _ fields: [String] = []
    ) -> String {
        let lines = ["\(method) \(path) HTTP/1.1", "Host: x"] + fields
        return lines.joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test(arguments: backends)
    func aFileIsAnAnswer(_ backend: EventLoop.Backend) throws {
        try withFiles(backend) { _, _, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            // Two in a row: the connection stays good for more.
            for _ in 0..<2 {
                let answer = try await client.exchange(Self.request("/file"), on: loop)
                #expect(answer.status == 200)
                #expect(answer.body == Self.content)
                #expect(answer.headers["content-length"] == "700000")
                #expect(answer.headers["content-type"] == "a/b")
                #expect(answer.headers["accept-ranges"] == "bytes")
                #expect(answer.headers["last-modified"] != nil)
            }
            // Pipelined, between other answers.
            client.send(
                Self.request("/hello/a") + Self.request("/file") + Self.request("/hello/b"),
                on: loop)
            #expect(try await client.response(on: loop).text == "hello a")
            #expect(try await client.response(on: loop).body == Self.content)
            #expect(try await client.response(on: loop).text == "hello b")
            // The last answer arrives in full before the end does.
            for last in [
                Self.request("/file", ["Connection: close"]), "GET /file HTTP/1.0\r\n\r\n",
            ] {
                let client = try await Client.connect(to: address, on: loop)
                #expect(try await client.exchange(last, on: loop).body == Self.content)
                await client.end(on: loop)
            }
        }
    }

    @Test(arguments: backends)
    func headsTellWhatGetWouldSend(_ backend: EventLoop.Backend) throws {
        try withFiles(backend) { _, _, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let get = try await client.exchange(Self.request("/file"), on: loop)
            for fields in [[], ["Range: bytes=0-1"]] {
                client.send(Self.request("/file", method: "HEAD", fields), on: loop)
                let head = try await client.response(head: true, on: loop)
                #expect(head.status == 200)
                for name in ["content-length", "content-type", "etag", "last-modified"] {
                    #expect(head.headers[name] == get.headers[name])
                }
            }
            let tag = try #require(get.headers["etag"])
            client.send(
                Self.request("/file", method: "HEAD", ["If-None-Match: \(tag)"]), on: loop)
            #expect(try await client.response(head: true, on: loop).status == 304)
            #expect(client.input.isEmpty)
        }
    }

    @Test(arguments: backends)
    func partsAreSentAsAsked(_ backend: EventLoop.Backend) throws {
        try withFiles(backend) { _, _, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            for (asked, range) in [
                ("0-0", 0..<1), ("5-9", 5..<10), ("699999-", 699_999..<700_000),
                ("-3", 699_997..<700_000), ("1-999999999", 1..<700_000),
                ("100000-599999", 100_000..<600_000),
            ] {
                let answer = try await client.exchange(
                    Self.request("/file", ["Range: bytes=\(asked)"]), on: loop)
                #expect(answer.status == 206)
                #expect(
                    answer.headers["content-range"]
                        == "bytes \(range.lowerBound)-\(range.upperBound - 1)/700000")
                #expect(answer.headers["content-length"] == "\(range.count)")
                #expect(answer.body == Array(Self.content[range]))
            }
            let beyond = try await client.exchange(
                Self.request("/file", ["Range: bytes=700000-"]), on: loop)
            #expect(beyond.status == 416)
            #expect(beyond.headers["content-range"] == "bytes */700000")
            // What means nothing to us means the whole.
            for field in ["Range: bytes=0-1,3-4", "Range: lines=1-2"] {
                let answer = try await client.exchange(Self.request("/file", [field]), on: loop)
                #expect(answer.status == 200 && answer.body == Self.content)
            }
            // A part of a part counts from where the part begins.
            let part = try await client.exchange(
                Self.request("/part", ["Range: bytes=2-4"]), on: loop)
            #expect(part.headers["content-range"] == "bytes 2-4/10")
            #expect(part.body == Array(Self.content[12..<15]))
            // Only what reads can be asked for in part, and only what went well.
            let post = try await client.exchange(
                Self.request("/file", method: "POST", ["Content-Length: 0", "Range: bytes=0-1"]),
                on: loop)
            #expect(post.status == 200 && post.body == Self.content)
            let gone = try await client.exchange(
                Self.request("/gone", ["Range: bytes=0-1", "If-None-Match: *"]), on: loop)
            #expect(gone.status == 404 && gone.body == Self.content)
        }
    }

    @Test(arguments: backends)
    func whatTheClientHasIsNotSentAgain(_ backend: EventLoop.Backend) throws {
        try withFiles(backend) { folder, _, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let first = try await client.exchange(Self.request("/file"), on: loop)
            let (tag, date) = (first.headers["etag"] ?? "", first.headers["last-modified"] ?? "")
            for field in ["If-None-Match: \(tag)", "If-Modified-Since: \(date)"] {
                let answer = try await client.exchange(Self.request("/file", [field]), on: loop)
                #expect(answer.status == 304)
                #expect(answer.headers["etag"] == tag)
                #expect(answer.headers["last-modified"] == date)
                #expect(answer.headers["content-length"] == nil)
                #expect(answer.headers["content-type"] == nil)
            }
            let resumed = try await client.exchange(
                Self.request("/file", ["Range: bytes=5-6", "If-Range: \(tag)"]), on: loop)
            #expect(resumed.status == 206)
            // The file is replaced by one of the same length.
            let other = Array(Self.content.reversed())
            try await loop.writeFile(folder.path + "/file", other)
            for (fields, status) in [
                (["If-None-Match: \(tag)"], 200), (["If-Match: \(tag)"], 412),
                (["Range: bytes=5-6", "If-Range: \(tag)"], 200),
                (["Range: bytes=5-6", "If-Match: \(tag)"], 412),
            ] {
                let answer = try await client.exchange(Self.request("/file", fields), on: loop)
                #expect(answer.status == status)
                if status == 200 { #expect(answer.body == other) }
            }
            let own = try await client.exchange(
                Self.request("/own", ["If-None-Match: \"own\""]), on: loop)
            #expect(own.status == 304)
            #expect(own.headers["cache-control"] == "immutable")
        }
    }

    @Test(arguments: backends)
    func whatCannotBeReadIsAnError(_ backend: EventLoop.Backend) throws {
        try withFiles(backend) { folder, _, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            mkdir(folder.path + "/folder", 0o700)
            mkfifo(folder.path + "/pipe", 0o600)
            symlink("loop", folder.path + "/loop")
            defer { rmdir(folder.path + "/folder") }
            for name in [
                "none", "folder", "pipe", "loop", "file%2Fbelow",
                String(repeating: "a", count: 300),
            ] {
                let answer = try await client.exchange(Self.request("/path/" + name), on: loop)
                #expect(answer.status == 404, "\(name)")
            }
            // Root may read everything, so this says something for others only.
            try await loop.writeFile(folder.path + "/secret", [1], mode: 0)
            let answer = try await client.exchange(Self.request("/path/secret"), on: loop)
            #expect(answer.status == (geteuid() == 0 ? 200 : 403))
        }
    }

    @Test(arguments: backends)
    func emptyFilesHaveNoParts(_ backend: EventLoop.Backend) throws {
        try withFiles(backend, content: []) { _, _, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let whole = try await client.exchange(Self.request("/file"), on: loop)
            #expect(whole.status == 200 && whole.headers["content-length"] == "0")
            let part = try await client.exchange(
                Self.request("/file", ["Range: bytes=0-"]), on: loop)
            #expect(part.status == 416 && part.headers["content-range"] == "bytes */0")
            #expect(try await client.exchange(Self.request("/hello/a"), on: loop).status == 200)
        }
    }

    @Test(arguments: backends)
    func textLeavesAsItIsAlsoWhereAnswersAreCompressed(_ backend: EventLoop.Backend) throws {
        var options = HTTPServerOptions()
        options.compression = CompressionPolicy()
        try withFiles(backend, options: options) { _, _, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            let answer = try await client.exchange(
                Self.request("/own", ["Accept-Encoding: gzip"]), on: loop)
            #expect(answer.headers["content-encoding"] == nil)
            #expect(answer.body == Self.content)
        }
    }

    /// The file is many times what the sockets and the queue hold. In a process of its own, whose memory
    /// nobody else uses.
    @Test(arguments: backends)
    func aSlowReaderGetsItAllAndThoseThatStopAreCutOff(_ backend: EventLoop.Backend) async throws {
        await #expect(processExitsWith: .success) { [name = backend.rawValue as String] in
            let backend = try #require(EventLoop.Backend(rawValue: name))
            try FileTests().slowReaders(backend)
        }
    }

    private func slowReaders(_ backend: EventLoop.Backend) throws {
        var options = HTTPServerOptions()
        options.idleTimeout = .seconds(2)
        let listening = ListenerOptions(channel: ChannelOptions(sendBuffer: 64 << 10))
        let content = pattern(8 << 20)
        try withFiles(backend, content: content, options: options, listening: listening) {
            _, _, address, loop in
            let before = residentBytes()
            var stopped: [Client] = []
            for _ in 0..<40 {
                let client = try await Client.connect(to: address, on: loop)
                client.channel?.pauseReading(on: loop)
                client.send(Self.request("/file"), on: loop)
                stopped.append(client)
            }
            let slow = try await Client.connect(to: address, on: loop)
            slow.send(Self.request("/file"), on: loop)
            for _ in 0..<50 {
                slow.channel?.pauseReading(on: loop)
                await loop.sleep(for: .milliseconds(2))
                slow.channel?.resumeReading(on: loop)
                await loop.yield()
            }
            #expect(try await slow.response(on: loop).body == content)
            // The reader holds the file, perhaps a few times over; forty copies more would be 320 MiB.
            #expect(residentBytes() - before < 160 << 20)
            for client in stopped {
                await client.end(on: loop)
                #expect(client.input.count < content.count)
            }
        }
    }

    @Test(arguments: backends)
    func aFileThatShrinksBreaksTheConnection(_ backend: EventLoop.Backend) throws {
        try withFiles(backend, content: pattern(8 << 20)) { folder, _, address, loop in
            let client = try await Client.connect(to: address, on: loop)
            client.send(Self.request("/file"), on: loop)
            await client.wait(on: loop) { !$0.input.isEmpty || $0.hasEnded }
            truncate(folder.path + "/file", 1)
            await client.end(on: loop)
            #expect(client.input.count < 8 << 20)
        }
    }
}

/// What this process has in memory.
private func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 200)
    fgets(&line, 200, file)
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return (Int(text.split(separator: " ")[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE))
}
