internal import CCurl
internal import Reactor

/// The functions that libcurl calls, synchronously, from inside the calls that the core makes on its
/// loop. See ``ClientCore`` for why the pointers they are given are good.
enum CurlCallbacks {
    /// The answer to libcurl with which a transfer ends.
    private static let endsReceiving = Int(CURL_WRITEFUNC_ERROR)

    static func install(in multi: UnsafeMutableRawPointer, for core: ClientCore) {
        _ = ccurl_multi_set_callbacks(
            multi,
            { easy, socket, what, context, _ in
                guard let core = CurlCallbacks.core(context) else { return 0 }
                let isWatched = CurlCallbacks.update(core, socket, what)
                // An error here would stop all transfers for ever; this one ends by its timeouts.
                if !isWatched, let transfer = CurlCallbacks.transfer(of: easy) {
                    transfer.failure = HTTPClientError(
                        .connectFailed, "the connection's socket cannot be watched")
                }
                return 0
            },
            { _, milliseconds, context in
                guard let core = CurlCallbacks.core(context) else { return 0 }
                CurlCallbacks.setTimer(core, milliseconds)
                return 0
            },
            Unmanaged.passUnretained(core).toOpaque())
    }

    static func install(in easy: CurlEasy, for transfer: HTTPTransfer, _ failed: inout CURLcode) {
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        easy.set(CURLOPT_PRIVATE, context, &failed)
        easy.set(CURLOPT_HEADERDATA, context, &failed)
        easy.set(CURLOPT_WRITEDATA, context, &failed)
        let codes = [
            ccurl_set_receiver(easy.raw, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                guard let transfer = CurlCallbacks.transfer(context), let bytes else { return 0 }
                let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return transfer.receivedLine(line) ? line.count : CurlCallbacks.endsReceiving
            },
            ccurl_set_receiver(easy.raw, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                guard let transfer = CurlCallbacks.transfer(context), let bytes else { return 0 }
                let piece = UnsafeRawBufferPointer(start: bytes, count: size * count)
                switch transfer.receivedBody(piece) {
                case .taken: return piece.count
                case .paused: return Int(CURL_WRITEFUNC_PAUSE)
                case .ended: return CurlCallbacks.endsReceiving
                }
            },
            ccurl_set_opener(
                easy.raw,
                { context, _, address in
                    guard let transfer = CurlCallbacks.transfer(context), let address else {
                        return CURL_SOCKET_BAD
                    }
                    return transfer.core.open(address, for: transfer)
                }, context),
            // A connection outlives the transfer that opened it.
            ccurl_set_closer(
                easy.raw,
                { context, socket in
                    guard let core = CurlCallbacks.core(context) else { return 0 }
                    return CurlCallbacks.close(core, socket)
                }, Unmanaged.passUnretained(transfer.core).toOpaque()),
        ]
        if failed == CURLE_OK { failed = codes.first { $0 != CURLE_OK } ?? CURLE_OK }
    }

    /// For a body that is streamed.
    static func installReader(
        in easy: CurlEasy, for transfer: HTTPTransfer, _ failed: inout CURLcode
    ) {
        let code = ccurl_set_reader(
            easy.raw,
            { bytes, size, count, context in
                guard let transfer = CurlCallbacks.transfer(context), let bytes else {
                    return Int(CURL_READFUNC_ABORT)
                }
                let room = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
                switch transfer.readBody(into: room) {
                case .bytes(let count): return count
                case .end: return 0
                case .later: return Int(CURL_READFUNC_PAUSE)
                }
            },
            { context, offset, origin in
                guard let transfer = CurlCallbacks.transfer(context), offset == 0,
                    transfer.request.upload?.rewind() == true
                else { return Int32(CURL_SEEKFUNC_FAIL) }
                return Int32(CURL_SEEKFUNC_OK)
            }, Unmanaged.passUnretained(transfer).toOpaque())
        if failed == CURLE_OK { failed = code }
    }

    private static func core(_ context: UnsafeMutableRawPointer?) -> ClientCore? {
        context.map { Unmanaged<ClientCore>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func transfer(_ context: UnsafeMutableRawPointer?) -> HTTPTransfer? {
        context.map { Unmanaged<HTTPTransfer>.fromOpaque($0).takeUnretainedValue() }
    }

    /// `nil` for the handle with which libcurl itself closes connections.
    private static func transfer(of easy: UnsafeMutableRawPointer?) -> HTTPTransfer? {
        guard let easy else { return nil }
        var context: UnsafeMutableRawPointer?
        _ = ccurl_get_pointer(easy, CURLINFO_PRIVATE, &context)
        return transfer(context)
    }

    // libcurl runs only inside calls that are isolated to the core's loop, so this is its thread, and
    // the core does not leave its isolation: only a C function stands between.

    private static func update(_ core: ClientCore, _ socket: Int32, _ what: Int32) -> Bool {
        // See above.
        nonisolated(unsafe) let core = core
        return core.loop.assumeIsolated { loop in core.update(socket, what, on: loop) }
    }

    private static func setTimer(_ core: ClientCore, _ milliseconds: Int) {
        // See above.
        nonisolated(unsafe) let core = core
        core.loop.assumeIsolated { loop in core.setTimer(milliseconds, on: loop) }
    }

    private static func close(_ core: ClientCore, _ socket: Int32) -> Int32 {
        // See above.
        nonisolated(unsafe) let core = core
        return core.loop.assumeIsolated { loop in core.close(socket, on: loop) }
    }
}
