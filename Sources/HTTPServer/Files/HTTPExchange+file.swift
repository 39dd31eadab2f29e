internal import HTTPWire

extension HTTPExchange {
    /// The answer that the request's conditions make of a response with a file.
    func selecting(from part: FilePart, _ response: HTTPResponse) -> HTTPResponse {
        // A page that tells of an error is that for everybody, and only what reads is conditional.
        guard response.status == .ok, request.method == .get || request.isHead else {
            return response
        }
        let selection = Selection(
            request.headers, isHead: request.isHead, length: part.range.count,
            tag: response.headers.firstIndex(of: "etag").flatMap {
                EntityTag(field: response.headers.value(at: $0))
            },
            modified: response.headers.firstIndex(of: "last-modified").flatMap {
                HTTPDate.read(response.headers.value(at: $0))
            })
        var response = response
        switch selection {
        case .whole: break
        case .part(let range):
            let start = part.range.lowerBound
            response.status = .partialContent
            response.headers.set(
                "Content-Range",
                "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(part.range.count)")
            response.body = .file(
                FilePart(part.file, (start + range.lowerBound)..<(start + range.upperBound)))
        case .notModified:
            response.status = .notModified
            response.headers.remove("Content-Type")
            response.body = .empty
        case .failed:
            return refusal(HTTPError(.preconditionFailed, "the file is another one"))
        case .unsatisfiable:
            var refusal = refusal(
                HTTPError(.rangeNotSatisfiable, "the file has no such bytes"))
            refusal.headers.set("Content-Range", "bytes */\(part.range.count)")
            return refusal
        }
        return response
    }

    /// What the server's error renderer makes of it.
    private func refusal(_ error: HTTPError) -> HTTPResponse {
        connection?.core.render(error, request) ?? HTTPResponse(error.status)
    }
}
