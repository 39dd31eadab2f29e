internal import Bytes
internal import Glibc
internal import HTTPWire
internal import Reactor

/// What the connections of a server share.
final class ServerCore {
    private let trie: RouteTrie
    private let routes: [ServedRoute]
    let options: HTTPServerOptions
    let idleNanoseconds: UInt64
    let headerNanoseconds: UInt64
    let bodyNanoseconds: UInt64
    let nanosecondsPerBodyByte: UInt64
    private let corsFields: [UInt8]
    let compression: DeflaterPool?
    // Behind a pointer, so that accesses are not checked for overlap at run time, which cost more
    // than they did. Allocated by `init`, freed by `deinit`. Whatever changes it calls nobody
    // meanwhile.
    private let hot: UnsafeMutablePointer<Hot>
    private(set) var connections: [HTTPConnection] = []
    private(set) var isDraining = false
    var drained: (() -> Void)?
    var requestFinished: ((RequestReport) -> Void)?
    var errorRenderer: ((any Error, HTTPRequest?) -> HTTPResponse)?

    /// What every answer touches.
    private struct Hot: ~Copyable {
        /// The one buffer in which heads are assembled that do not go straight to their channel.
        var scratch: [UInt8] = []
        var date = DateLine()
        /// How nearly all answers begin. Its size never changes.
        let okHead: UnsafeMutableRawBufferPointer
        var dateIsDue = Instant(nanoseconds: 0)
        /// The exchange that is used next, and others.
        var next: HTTPExchange?
        var spare: [HTTPExchange] = []
        var spareReadings: [RequestReading] = []
        var reader: UsualReader
        /// The exchange whose request lies where the reader found it.
        var lending: Unmanaged<HTTPExchange>?
        let paths: PlainPaths

        init(
            reader: consuming UsualReader, paths: consuming PlainPaths, okHead: [UInt8]
        ) {
            self.reader = reader
            self.paths = paths
            self.okHead = .allocate(byteCount: okHead.count, alignment: 16)
            self.okHead.copyBytes(from: okHead)
        }

        deinit { okHead.deallocate() }
    }

    init(_ trie: RouteTrie, _ routes: [ServedRoute], _ options: HTTPServerOptions) {
        self.trie = trie
        self.routes = routes
        self.options = options
        idleNanoseconds = options.idleTimeout.nanosecondsClamped
        headerNanoseconds = options.headerTimeout.nanosecondsClamped
        bodyNanoseconds = options.bodyTimeout.nanosecondsClamped
        nanosecondsPerBodyByte = 1_000_000_000 / UInt64(max(1, options.bodyBytesPerSecondMin))
        compression = options.compression.map { DeflaterPool($0) }
        corsFields = options.cors.map { PrerenderedFields($0.fields).bytes } ?? []
        hot = .allocate(capacity: 1)
        hot.initialize(
            to: Hot(
                reader: UsualReader(limits: options.parser), paths: PlainPaths(trie, routes),
                okHead: ServerCore.okHead(DateLine(secondsSince1970: 0), corsFields)))
    }

    /// What stands before the date.
    private static let okLineBytes = "HTTP/1.1 200 OK\r\n".utf8.count

    private static func okHead(_ date: DateLine, _ corsFields: [UInt8]) -> [UInt8] {
        var head: [UInt8] = []
        ResponseEncoder.appendStatusLine(.ok, to: &head)
        return head + date.bytes + corsFields
    }

    deinit {
        hot.deinitialize(count: 1)
        hot.deallocate()
    }

    // MARK: Routing

    /// How a request begins: with a route, or with the answer decided.
    enum Decision {
        case route(ServedRoute)
        case refusal(HTTPResponse)
    }

    /// Decides on a request whose head has come, and notes what its route captures.
    func decide(on request: inout HTTPRequest) -> Decision {
        let segments = PathSegments(request.head.bytes, request.head.pathSlice)
        do throws(HTTPError) {
            switch trie.find(request.head.bytes, segments, method: request.method) {
            case .found(let index):
                let route = routes[index]
                try route.capture(segments, in: &request)
                return .route(route)
            case .notFound:
                if request.method == .options, options.cors != nil || request.path == "*" {
                    return .refusal(HTTPResponse(.noContent))
                }
                throw HTTPError(.notFound, "there is nothing here")
            case .methodNotAllowed(let methods):
                return .refusal(refusal(methods, request))
            }
        } catch {
            return .refusal(render(error, request))
        }
    }

    private func refusal(_ methods: [HTTPMethod], _ request: HTTPRequest) -> HTTPResponse {
        let allow = (methods + [.options]).map(\.name).joined(separator: ", ")
        var response =
            request.method == .options
            ? HTTPResponse(.noContent)
            : render(HTTPError(.methodNotAllowed, "the method is not allowed here"), request)
        response.headers.set("Allow", allow)
        return response
    }

    func render(_ error: any Error, _ request: HTTPRequest?) -> HTTPResponse {
        if let errorRenderer { return errorRenderer(error, request) }
        guard let error = error as? HTTPError else {
            return .text("Internal Server Error\n", status: .internalServerError)
        }
        return .text("\(error.detail)\n", status: error.status)
    }

    /// Tells of a request that is done with; without bytes, its client has left.
    func report(
        _ request: HTTPRequest, _ route: ServedRoute?, _ status: HTTPStatus, _ bytes: Int?,
        _ started: Instant
    ) {
        requestFinished?(
            RequestReport(
                request: request.head.targetBytes.byteCount == 0 ? nil : request,
                route: route?.shape.name, routeIndex: route?.shape.index,
                status: bytes == nil ? nil : status,
                responseBytes: bytes ?? 0, duration: Instant.now - started))
    }

    // MARK: Requests in place

    /// Reads the request that begins at `offset` if it is a usual one and has come whole. What was
    /// found has to be taken up at once.
    @inline(__always)
    func read(_ bytes: RawSpan, from offset: Int) -> Bool {
        // Answering a parked request may go on to its connection's next one while a handler of
        // another connection runs.
        if let lending = hot.pointee.lending { lending.use { $0.copyRequest() } }
        return hot.pointee.reader.read(bytes, from: offset)
    }

    // What was read last.
    var foundCount: Int { @inline(__always) get { hot.pointee.reader.found.count } }
    var foundPathEnd: Int { @inline(__always) get { hot.pointee.reader.found.pathEnd } }
    var foundKeepAlive: Bool { @inline(__always) get { hot.pointee.reader.found.keepAlive } }

    /// The route for GET of a path that a pattern names in full.
    @inline(__always)
    func plainRoute(_ path: RawSpan) -> Unmanaged<ServedRoute>? { hot.pointee.paths.find(path) }

    /// Notes whose request has not been copied yet, if one has not.
    @inline(__always)
    func lend(to exchange: Unmanaged<HTTPExchange>?) { hot.pointee.lending = exchange }

    /// Copies what was read last, whose bytes these are.
    func copyFound(_ bytes: RawSpan, into head: inout RequestHead) {
        hot.pointee.reader.copy(of: bytes, into: &head)
    }

    // MARK: Reuse

    private static let spareMax = 64

    @inline(__always)
    func takeExchange() -> HTTPExchange {
        if let exchange = hot.pointee.next.take() { return exchange }
        return hot.pointee.spare.popLast() ?? HTTPExchange()
    }

    /// Takes an exchange back whose handler has returned, unless it is still needed.
    @inline(__always)
    func settle(_ exchange: consuming HTTPExchange) {
        if exchange.isDone, isKnownUniquelyReferenced(&exchange) {
            giveBack(exchange)
        } else {
            exchange.keep()
        }
    }

    @inline(__always)
    private func giveBack(_ exchange: consuming HTTPExchange) {
        exchange.reset()
        if hot.pointee.next == nil {
            hot.pointee.next = exchange
        } else if hot.pointee.spare.count < ServerCore.spareMax {
            hot.pointee.spare.append(exchange)
        }
    }

    func takeReading() -> RequestReading {
        hot.pointee.spareReadings.popLast() ?? RequestReading(options.parser)
    }

    func giveBack(_ reading: RequestReading) {
        guard hot.pointee.spareReadings.count < ServerCore.spareMax else { return }
        reading.reset(options.parser)
        hot.pointee.spareReadings.append(reading)
    }

    /// Lends the buffer for assembling a head. It may be lent again meanwhile, as another one.
    func withScratch<Result>(_ body: (inout [UInt8]) -> Result) -> Result {
        var buffer: [UInt8] = []
        swap(&buffer, &hot.pointee.scratch)
        buffer.removeAll(keepingCapacity: true)
        defer { if buffer.capacity <= 256 * 1024 { swap(&buffer, &hot.pointee.scratch) } }
        return body(&buffer)
    }

    /// Appends status line and the fields that are the server's own, but for what delimits the
    /// message.
    func appendHead(
        _ status: HTTPStatus, keepAlive: Bool, version: HTTPVersion, now: Instant,
        to output: inout [UInt8]
    ) {
        if now >= hot.pointee.dateIsDue { refreshDate(now) }
        if status.code == 200 {
            output.append(contentsOf: hot.pointee.okHead)
        } else {
            ResponseEncoder.appendStatusLine(status, to: &output)
            output.append(contentsOf: hot.pointee.date.bytes)
            output.append(contentsOf: corsFields)
        }
        if !keepAlive {
            ResponseEncoder.appendField("Connection", "close", to: &output)
        } else if version == .http10 {
            ResponseEncoder.appendField("Connection", "keep-alive", to: &output)
        }
    }

    /// The longest head in bytes, without the fields of the answer itself.
    var headBytesMax: Int { 256 &+ corsFields.count }

    /// As above, straight to where the answer is wanted.
    @inline(__always)
    func writeHead(
        _ status: HTTPStatus, keepAlive: Bool, version: HTTPVersion, now: Instant,
        to output: inout RawWriter
    ) {
        if now >= hot.pointee.dateIsDue { refreshDate(now) }
        if status.code == 200 {
            output.append(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(hot.pointee.okHead)))
        } else {
            output.appendStatusLine(status)
            output.append(hot.pointee.date.bytes)
            output.append(corsFields)
        }
        if !keepAlive {
            output.append("Connection: close\r\n")
        } else if version == .http10 {
            output.append("Connection: keep-alive\r\n")
        }
    }

    private func refreshDate(_ now: Instant) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        hot.pointee.date.refresh(secondsSince1970: Int64(time.tv_sec))
        let rest = UInt64(1_000_000_000 - time.tv_nsec)
        hot.pointee.dateIsDue = Instant(nanoseconds: now.nanoseconds &+ rest)
        let date = hot.pointee.date.bytes.span.bytes
        date.withUnsafeBytes { date in
            let place = hot.pointee.okHead.dropFirst(ServerCore.okLineBytes)
            UnsafeMutableRawBufferPointer(rebasing: place.prefix(date.count)).copyMemory(from: date)
        }
    }

    // MARK: Connections

    func add(_ connection: HTTPConnection) {
        connection.index = connections.count
        connections.append(connection)
    }

    func remove(_ connection: HTTPConnection) {
        guard let index = connection.index.take() else { return }
        let last = connections.removeLast()
        if last !== connection {
            connections[index] = last
            last.index = index
        }
        if isDraining, connections.isEmpty { drained.take()?() }
    }

    func beginDraining(on loop: isolated EventLoop) {
        isDraining = true
        for connection in connections { connection.closeIfIdle(on: loop) }
    }
}

extension Duration {
    /// Whole nanoseconds, at least 0 and at most a century.
    var nanosecondsClamped: UInt64 {
        let seconds = components.seconds
        if seconds < 0 { return 0 }
        if seconds > 3_155_760_000 { return 3_155_760_000_000_000_000 }
        return UInt64(seconds) * 1_000_000_000
            + UInt64(max(0, components.attoseconds) / 1_000_000_000)
    }
}
