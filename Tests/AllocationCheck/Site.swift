import Bytes
import CAllocations
import HTTPServer
import HTTPWire
import Reactor

/// What the server's thread has allocated at certain moments.
final class Marks {
    private(set) var counts: [Int64] = []

    init() { counts.reserveCapacity(64) }

    func note() { counts.append(callocations_of_this_thread()) }
}

/// Writes back what arrives, and notes the moment of what begins with `!`.
final class Echo: ChannelHandler {
    private let marks: Marks
    init(_ marks: Marks) { self.marks = marks }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        if bytes.byte(0) == UInt8(ascii: "!") { marks.note() }
        channel.write(bytes, on: loop)
    }
}

/// The context of the routes.
final class Site {
    let marks: Marks
    private let hello = Array("Hello, World!".utf8)
    private let large = SharedBytes([UInt8](repeating: UInt8(ascii: "x"), count: 4096))
    private let fields = PrerenderedFields(["Content-Type": "text/plain"])

    init(_ marks: Marks) { self.marks = marks }

    static func addRoutes(_ router: inout Router<Site>) {
        // Short bodies go with their heads, shared pieces do not.
        router.on(.get, "/") { exchange, site, loop in
            let hello = site.hello
            exchange.respond(fields: site.fields, contentLength: hello.count, on: loop) {
                $0.write(hello.span.bytes, on: loop)
            }
        }
        router.on(.get, "/shared") { exchange, site, loop in
            exchange.respond(fields: site.fields, contentLength: site.large.count, on: loop) {
                $0.write(site.large, on: loop)
            }
        }
        // Found by the tree of routes.
        router.on(.get, "/named/{name}") { exchange, site, loop in
            exchange.respond(fields: site.fields, contentLength: 0, on: loop) { _ in }
        }
        router.on(.get, "/mark") { exchange, site, loop in
            site.marks.note()
            exchange.respond(fields: site.fields, contentLength: 0, on: loop) { _ in }
        }
    }
}
