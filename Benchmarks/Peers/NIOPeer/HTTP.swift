import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// What the HTTP handlers share. There is one event loop, and everything here happens on it.
final class Site {
    var parked: [ObjectIdentifier: ChannelHandlerContext] = [:]
    let hello = ByteBuffer(string: "Hello, World!")
    let released = ByteBuffer(repeating: UInt8(ascii: "x"), count: 1024)
    private var date = ""
    private var second = 0

    /// Rendered once a second, as a server that sends a date would.
    func currentDate() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        if now.tv_sec != second {
            second = now.tv_sec
            var broken = tm()
            gmtime_r(&now.tv_sec, &broken)
            var text = [CChar](repeating: 0, count: 64)
            let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &broken)
            date = String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        return date
    }
}

/// Answers `/` at once, parks `/wait` until somebody asks for `/release`, counts for `/parked`.
///
/// Flushes once per batch of reads, so that answers to pipelined requests leave together.
final class HTTPHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let site: Site
    private var head: HTTPRequestHead?

    init(_ site: Site) { self.site = site }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            handle(head, context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

    func channelInactive(context: ChannelHandlerContext) {
        site.parked[ObjectIdentifier(self)] = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func handle(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        switch head.uri {
        case "/": respond(.ok, "text/plain", site.hello, context)
        case "/wait": site.parked[ObjectIdentifier(self)] = context
        case "/parked":
            respond(.ok, "text/plain", ByteBuffer(string: "\(site.parked.count)"), context)
        case "/release":
            let parked = site.parked
            site.parked.removeAll(keepingCapacity: true)
            for context in parked.values {
                respond(.ok, "application/json", site.released, context)
                context.flush()
            }
            respond(.ok, "text/plain", ByteBuffer(), context)
        default: respond(.notFound, "text/plain", ByteBuffer(string: "Not found\n"), context)
        }
    }

    private func respond(
        _ status: HTTPResponseStatus, _ type: String, _ body: ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        let fields: HTTPHeaders = [
            "Date": site.currentDate(), "Content-Type": type,
            "Content-Length": String(body.readableBytes),
        ]
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if body.readableBytes > 0 {
            context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
