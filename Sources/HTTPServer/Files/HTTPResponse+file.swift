internal import Glibc
public import HTTPWire
public import Reactor

extension HTTPResponse {
    /// A response whose body is a file, sent by the kernel without a copy in this process where that
    /// is possible, and never faster than the client takes it.
    ///
    /// To GET and HEAD the server then answers what the request's conditions and its `Range` ask for:
    /// 200, 206, 304, 412 or 416 (`HTTPWire.Selection`). `headers` may hold an `ETag` and a
    /// `Last-Modified` of their own, which are better wherever a file's content is known by a hash.
    /// Otherwise these say when the file was last changed, and how long it is: replace such files, as
    /// ``/Reactor/EventLoop/writeFile(_:_:mode:durable:)`` does, and do not write into them. Files
    /// are not compressed.
    public static func file(
        _ file: File, contentType: String = "application/octet-stream",
        headers: HTTPHeaders = HTTPHeaders()
    ) -> HTTPResponse {
        var headers = headers
        if headers.firstIndex(of: "content-type") == nil {
            headers.append("Content-Type", contentType)
        }
        if headers.firstIndex(of: "etag") == nil {
            headers.append("ETag", EntityTag(of: file).field)
        }
        if headers.firstIndex(of: "last-modified") == nil {
            headers.append("Last-Modified", file.lastModified)
        }
        headers.set("Accept-Ranges", "bytes")
        return HTTPResponse(headers: headers, body: .file(FilePart(file)))
    }

    /// Opens a file off the loop and answers with it, as ``file(_:contentType:headers:)`` does.
    ///
    /// Throws an `HTTPError`: 404 where there is no regular file, 403 where it must not be read, 503
    /// where descriptors have run out or the disk does not keep up, and 500 for whatever else is wrong.
    /// Whoever makes a path of what a request says has to see to it that it does not lead elsewhere, by
    /// `..`, by a slash or by a symbolic link.
    public static func file(
        at path: String, contentType: String = "application/octet-stream",
        headers: HTTPHeaders = HTTPHeaders(), on loop: isolated EventLoop
    ) async throws(HTTPError) -> HTTPResponse {
        do throws(FileError) {
            return file(try await loop.openFile(path), contentType: contentType, headers: headers)
        } catch {
            throw HTTPError(opening: error.error.code)
        }
    }
}

extension HTTPError {
    /// Why a file could not be opened, as clients may know it.
    fileprivate init(opening code: Int32) {
        switch code {
        // EINVAL: it is a folder or a device. ENXIO: a socket.
        case ENOENT, ENOTDIR, EINVAL, ENXIO, ELOOP, ENAMETOOLONG:
            self.init(.notFound, "there is no such file")
        case EACCES, EPERM: self.init(.forbidden, "the file must not be read")
        case EMFILE, ENFILE, EAGAIN, ENOMEM:
            self.init(.serviceUnavailable, "too many files are being read")
        default: self.init(.internalServerError, "the file cannot be read")
        }
    }
}

extension EntityTag {
    /// The tag of a file that is replaced and not written into.
    fileprivate init(of file: File) {
        let time = String(UInt64(bitPattern: file.modifiedNanoseconds), radix: 16)
        self.init(time + "-" + String(file.size, radix: 16))
    }
}

extension File {
    /// In whole seconds, rounded down.
    private var modifiedSeconds: Int64 {
        let (seconds, rest) = modifiedNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest < 0 ? seconds - 1 : seconds
    }

    fileprivate var lastModified: String {
        var bytes: [UInt8] = []
        HTTPDate.append(secondsSince1970: modifiedSeconds, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
