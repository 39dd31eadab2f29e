import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/receipt/{receiptType}/{eventId}`
    static let receipt = ClientEndpoint(
        .post, "/rooms/{roomId}/receipt/{receiptType}/{eventId}", .second
    ) { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let type = request.path("receiptType")
        guard ReceiptService.types.contains(type) else {
            throw MatrixError.invalidParameter("Receipt type \(type) is not known")
        }
        let body = try request.body(mayBeEmpty: true)
        let threadID = body["thread_id"]?.stringValue
        if body["thread_id"] != nil, threadID?.isEmpty != false || type == "m.fully_read" {
            throw MatrixError.invalidParameter("thread_id cannot be used here")
        }
        let roomID = request.path("roomId")
        try await context.services.rooms.requireJoined(requester.userID, in: roomID, on: loop)
        context.services.presence.isActive(requester.userID, on: loop)
        try await context.services.receipts.receive(
            type: type, roomID: roomID, userID: requester.userID,
            eventID: request.path("eventId"), threadID: threadID, on: loop)
        return .emptyObject
    }

    /// `POST /_matrix/client/{r0|v3}/rooms/{roomId}/read_markers`
    static let readMarkers = ClientEndpoint(.post, "/rooms/{roomId}/read_markers", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let body = try request.body()
        let roomID = request.path("roomId")
        try await context.services.rooms.requireJoined(requester.userID, in: roomID, on: loop)
        for type in ReceiptService.types.sorted() {
            guard let value = body[type] else { continue }
            guard let eventID = value.stringValue else {
                throw MatrixError.badJSON("\(type) must be a string")
            }
            try await context.services.receipts.receive(
                type: type, roomID: roomID, userID: requester.userID, eventID: eventID,
                threadID: nil, on: loop)
        }
        return .emptyObject
    }
}
