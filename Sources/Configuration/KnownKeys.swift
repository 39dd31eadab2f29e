/// Names that are known although nothing is done with them, so that files which people have can stay.
enum KnownKeys {
    /// Top-level keys of Synapse that have no effect here, with the reason.
    static let unused: [String: String] = {
        var reasons: [String: String] = [:]
        for key in legacy { reasons[key] = "is a legacy key of Synapse and has no effect" }
        for key in later { reasons[key] = "has no effect in Beamline yet" }
        reasons["worker_manhole"] = "manhole is not served by Beamline"
        reasons["redis"] = "has no effect, workers connect to the main process directly"
        reasons["instance_map"] = "has no effect, use worker_replication_host and _port"
        reasons["worker_replication_http_port"] = "has no effect, one replication port is enough"
        reasons["gc_thresholds"] = "has no effect, there is no garbage collector"
        reasons["gc_min_interval"] = reasons["gc_thresholds"]
        reasons["synctl_cache_factor"] = "has no effect, caches are not sized by a factor"
        reasons["synctl_cache_factors"] = reasons["synctl_cache_factor"]
        return reasons
    }()

    private static let legacy = [
        "bind_port", "bind_host", "gzip_responses", "unsecure_port", "manhole", "metrics_port",
        "metrics_bind_host", "web_client", "web_client_location", "use_frozen_dicts",
        "print_pidfile", "user_agent_suffix", "database_path", "verbose", "no_redirect_stdio",
        "uploads_path", "no_tls", "tls_dh_params_path", "tls_fingerprints", "expire_access_token",
        "full_twisted_stacktraces",
        "trust_identity_server",
        "use_insecure_ssl_client_just_for_testing_do_not_use", "perspectives",
        "enable_group_creation", "recaptcha_siteverify_api",
        "room_invite_state_types", "manhole_settings", "cas_config",
        "jwt_config", "saml2_config", "saml2_enabled", "ldap_config", "password_providers",
    ]

    private static let later = [
        "account_threepid_delegates", "account_validity", "admin_contact", "alias_creation_rules",
        "allow_device_name_lookup_over_federation", "allow_profile_lookup_over_federation",
        "allow_public_rooms_over_federation", "allow_public_rooms_without_auth",
        "allow_per_room_profiles", "allowed_avatar_mimetypes", "allowed_local_3pids",
        "auto_join_mxid_localpart", "auto_join_rooms", "auto_join_rooms_for_guests",
        "autocreate_auto_join_rooms", "autocreate_auto_join_rooms_federated",
        "background_updates", "block_non_admin_invites", "caches",
        "cleanup_extremities_with_dummy_events",
        "custom_template_directory", "default_identity_server",
        "default_power_level_content_override", "delete_stale_devices_after",
        "disable_msisdn_registration", "dummy_events_threshold", "dynamic_thumbnails", "email",
        "enable_3pid_changes", "enable_3pid_lookup", "enable_authenticated_media",
        "enable_media_repo", "enable_registration_captcha", "enable_registration_token_3pid_bypass",
        "enable_room_list_search", "enable_set_avatar_url", "enable_set_displayname",
        "encryption_enabled_by_default_for_room_type", "event_cache_size",
        "exclude_rooms_from_sync",
        "experimental_features", "extra_well_known_client_content", "federation",
        "federation_custom_ca_list", "federation_domain_whitelist", "federation_ip_range_blacklist",
        "federation_metrics_domains", "federation_rc_concurrent", "federation_rc_reject_limit",
        "federation_rc_sleep_delay", "federation_rc_sleep_limit", "federation_rc_window_size",
        "federation_rr_transactions_per_room_per_second", "federation_sender_instances",
        "federation_client_minimum_tls_version", "federation_verify_certificates",
        "federation_certificate_verification_whitelist", "filter_timeline_limit",
        "forget_rooms_on_leave", "forgotten_room_retention_period", "form_secret",
        "form_secret_path",
        "hs_disabled", "hs_disabled_message", "inhibit_user_in_use_error", "invite_client_location",
        "ip_range_blacklist", "ip_range_whitelist",
        "key_refresh_interval", "limit_profile_requests_to_users_who_share_rooms",
        "limit_remote_rooms", "limit_usage_by_mau",
        "matrix_authentication_service", "matrix_rtc", "mau_appservice_trial_days",
        "mau_limit_reserved_threepids", "mau_stats_only", "mau_trial_days", "max_avatar_size",
        "max_event_delay_duration", "max_image_pixels", "max_mau_value", "max_spider_size",
        "max_upload_size", "media_instance_running_background_jobs", "media_retention",
        "media_storage_providers", "media_upload_limits", "modules", "next_link_domain_whitelist",
        "notify_appservices_from_worker", "oidc_config",
        "oidc_providers", "old_signing_keys", "opentracing", "outbound_federation_restricted_to",
        "prevent_media_downloads_from", "push", "pusher_instances",
        "rc_3pid_validation", "rc_delayed_event_mgmt",
        "rc_federation",
        "rc_media_create",
        "rc_registration_token_validity", "rc_reports",
        "rc_third_party_invite", "rc_user_directory", "recaptcha_private_key",
        "recaptcha_public_key", "redaction_retention_period",
        "registration_requires_token",
        "registration_shared_secret_path", "registrations_require_3pid",
        "remote_media_download_burst_count",
        "remote_media_download_per_second", "replication_torture_level",
        "request_token_inhibit_3pid_errors", "require_auth_for_profile_requests",
        "require_membership_for_aliases", "retention", "room_list_publication_rules",
        "room_prejoin_state", "run_background_tasks_on", "sentry",
        "serve_server_wellknown", "server_context", "server_notices",
        "spam_checker", "sso", "stats", "stream_writers",
        "suppress_key_server_warning", "templates", "third_party_event_rules", "thumbnail_sizes",
        "track_appservice_user_ips", "track_puppeted_user_ips", "trusted_key_servers",
        "turn_allow_guests", "turn_password", "turn_shared_secret", "turn_shared_secret_path",
        "turn_uris", "turn_user_lifetime", "turn_username", "ui_auth", "update_user_directory",
        "update_user_directory_from_worker", "update_profile_information",
        "url_preview_accept_language",
        "url_preview_enabled", "url_preview_ip_range_blacklist", "url_preview_ip_range_whitelist",
        "url_preview_url_blacklist", "use_appservice_legacy_authorization", "user_consent",
        "user_directory", "user_types", "worker_main_http_uri",
        "worker_replication_http_tls",
        "x_forwarded",
        "macaroon_secret_key_path", "use_account_validity_in_account_status", "databases",
    ]

    /// Resources of Synapse that have no counterpart here.
    static let unservedResources: Set<String> = [
        "static", "consent", "webclient", "replication", "additional_resources",
    ]

    /// Keys of Twisted's pool that libpq must not see.
    static let unusedPool: [String: String] = [
        "cp_reconnect": "has no effect, lost connections are always replaced",
        "cp_noisy": "has no effect in Beamline",
        "cp_openfun": "has no effect in Beamline",
        "cp_good_sql": "has no effect in Beamline",
        "check_same_thread": "has no effect in Beamline",
        "isolation_level": "has no effect in Beamline",
    ]

    /// Keywords that libpq knows beyond host, port, user, password and dbname.
    static let libpq: Set<String> = [
        "hostaddr", "passfile", "connect_timeout", "client_encoding", "options",
        "application_name", "fallback_application_name", "keepalives", "keepalives_idle",
        "keepalives_interval", "keepalives_count", "tcp_user_timeout", "sslmode", "requiressl",
        "sslcompression", "sslcert", "sslkey", "sslpassword", "sslcertmode", "sslrootcert",
        "sslcrl", "sslcrldir", "sslsni", "sslnegotiation", "requirepeer",
        "ssl_min_protocol_version", "ssl_max_protocol_version", "krbsrvname", "gsslib",
        "gssencmode", "gssdelegation", "service", "target_session_attrs", "load_balance_hosts",
        "channel_binding", "require_auth",
    ]
}
