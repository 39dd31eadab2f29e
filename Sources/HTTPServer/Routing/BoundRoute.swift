internal import Bytes
internal import HTTPWire
internal import Reactor

/// A route as connections see it, which know nothing of the context.
class ServedRoute {
    let shape: RouteShape

    init(_ shape: RouteShape) { self.shape = shape }

    /// Hands a complete request to the handler.
    func serve(_ exchange: HTTPExchange, on loop: isolated EventLoop) {
        preconditionFailure("a subclass serves")
    }

    /// Notes what the pattern captures of a path. Throws 400 if that is badly encoded.
    func capture(
        _ segments: borrowing PathSegments, in request: inout HTTPRequest
    ) throws(HTTPError) {
        guard !shape.names.isEmpty else { return }
        for index in shape.segments.indices {
            var slice = segments.slices[shape.segments[index]]
            if index == shape.restIndex { slice.end = UInt32(segments.end) }
            guard PercentEncoding.isDecodable(request.head.bytes.extracting(slice.range)) else {
                throw HTTPError(.badRequest, "the path is badly encoded")
            }
            request.captures.slices[index] = slice
        }
        request.captures.names = shape.names
    }
}

/// A route with its handler and the context.
final class BoundRoute<Context>: ServedRoute {
    private let handler: Router<Context>.Handler
    private let context: Context

    init(_ route: Router<Context>.Route, _ context: Context) {
        handler = route.handler
        self.context = context
        super.init(route.shape)
    }

    override func serve(_ exchange: HTTPExchange, on loop: isolated EventLoop) {
        switch handler {
        case .exchange(let handler): handler(exchange, context, loop)
        case .immediate(let handler):
            // Moved out and back: the handler sees nothing of the exchange, and a copy would count
            // half a dozen references.
            let request = exchange.takeRequest()
            let response: HTTPResponse
            do {
                response = try handler(request, context, loop)
            } catch {
                exchange.stored = request
                return exchange.respond(throwing: error, on: loop)
            }
            exchange.stored = request
            exchange.respond(response, on: loop)
        case .async(let handler):
            let context = context
            loop.spawn {
                do {
                    let response = try await handler(exchange.request, context, loop)
                    exchange.respond(response, on: loop)
                } catch {
                    exchange.respond(throwing: error, on: loop)
                }
            }
        case .streamingAsync(let handler):
            let context = context
            let body = RequestBody(exchange)
            loop.spawn {
                do {
                    let response = try await handler(exchange.request, body, context, loop)
                    exchange.respond(response, on: loop)
                } catch {
                    exchange.respond(throwing: error, on: loop)
                }
            }
        }
    }
}
