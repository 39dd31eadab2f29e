import Bytes
import HTTPServer
import Reactor

/// The parked requests; the context of the routes.
final class Site {
    var parked: [HTTPExchange] = []
    let hello = Array("Hello, World!".utf8)
    let released = SharedBytes([UInt8](repeating: UInt8(ascii: "x"), count: 1024))
    let text = PrerenderedFields(["Content-Type": "text/plain"])
    let json = PrerenderedFields(["Content-Type": "application/json"])
}

/// `/` is answered at once, `/wait` when somebody asks for `/release`; `/parked` counts.
func listenForHTTP(on address: SocketAddress, _ loop: isolated EventLoop) {
    var router = Router<Site>()
    router.on(.get, "/") { exchange, site, loop in
        let hello = site.hello
        exchange.respond(fields: site.text, contentLength: hello.count, on: loop) {
            $0.write(hello.span.bytes, on: loop)
        }
    }
    router.on(.get, "/wait") { exchange, site, loop in site.parked.append(exchange) }
    router.onImmediate(.get, "/parked") { _, site, _ in .text("\(site.parked.count)") }
    router.on(.get, "/release") { exchange, site, loop in
        // Each is let go once it is answered, while the processor still has it at hand.
        var parked: [HTTPExchange] = []
        swap(&parked, &site.parked)
        while let waiting = parked.popLast() {
            waiting.respond(fields: site.json, contentLength: site.released.count, on: loop) {
                $0.write(site.released, on: loop)
            }
        }
        exchange.respond(.text(""), on: loop)
    }
    let server = HTTPServer(router: router, context: Site())
    _ = orExit { () throws(SystemError) in
        try server.listen(on: address, options: ListenerOptions(backlog: 4096), loop)
    }
}
