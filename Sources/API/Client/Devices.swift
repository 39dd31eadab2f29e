import HTTPServer
import HTTPWire
import JSON
import Services
import Storage

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/devices`
    static let devices = ClientEndpoint(.get, "/devices", .second) { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let devices = try await context.services.accounts.devices(
            userID: requester.userID, on: loop)
        let list = devices.map { device in
            var item: JSON = ["device_id": .string(device.deviceID)]
            item["display_name"] = device.displayName.map { .string($0) }
            item["last_seen_ts"] = device.lastSeen.map { .integer($0) }
            item["last_seen_ip"] = device.address.map { .string($0) }
            return item
        }
        return .json(["devices": .array(list)])
    }
}
