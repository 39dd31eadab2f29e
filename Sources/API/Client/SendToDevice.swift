import HTTPServer
import HTTPWire
import JSON
import Services
import Storage

extension ClientEndpoint {
    /// `PUT /_matrix/client/{r0|v3}/sendToDevice/{eventType}/{txnId}`
    static let sendToDevice = ClientEndpoint(
        .put, "/sendToDevice/{eventType}/{txnId}", .second
    ) { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let type = request.path("eventType")
        if type == "m.room_key_request" {
            try context.services.limits.requestKeys(
                requester.subject, deviceID: requester.owner.deviceID)
        }
        try await context.services.toDevice.send(
            try request.body(), type: type, transactionID: request.path("txnId"),
            owner: requester.owner, on: loop)
        return .emptyObject
    }
}
