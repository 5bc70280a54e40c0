PRAGMA application_id = 1296974932;
PRAGMA user_version = 5;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE events (
    gseq INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (stream, seq)
) STRICT;
INSERT INTO events VALUES(1,'system',1,1796058271934,'signing_key_created','{"public_key":"d7e6d11c7f864dbf983e93d7b66d02885280c0de80d837f2996ba924e5669194","before":null}',X'0000000000000000000000000000000000000000000000000000000000000000',X'add269219a0fbb1711acb35df9c07e563d6845aa58fcc32f7c3181cfc1f5bc09');
INSERT INTO events VALUES(2,'system',2,1796058271934,'policy_activated','{"version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","before":null,"policy":{"sets":[[{"name":"starter.cedar","text":"// Mandate''s starter policy: what holds where nobody wrote another one.\n// The strictest rule that matches wins; what no rule matches is denied.\n\n@id(\"starter/reads\")\n@severity(\"info\")\n@message(\"`{tool}` only reads what this machine''s user controls\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"read\" && !resource.open_world };\n\n@id(\"starter/effects\")\n@decision(\"require_approval\")\n@message(\"`{tool}` has the effect `{effect}`\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect != \"read\" };\n\n@id(\"starter/open-reads\")\n@decision(\"require_approval\")\n@message(\"`{tool}` reads from places that other parties control\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"read\" && resource.open_world };\n\n@id(\"starter/sensitive-paths\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"`{tool}` touches something whose name says that it is sensitive\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.tags.contains(\"sensitive_path\") };\n\n@id(\"starter/system-secrets\")\n@severity(\"critical\")\n@message(\"passwords and keys of this machine are not for plans\")\nforbid (principal, action == Action::\"Call\", resource)\nwhen { context.tags.contains(\"system_secret\") };\n\n@id(\"starter/delete-sensitive\")\n@severity(\"critical\")\n@message(\"`{tool}` would delete something whose name says that it is sensitive\")\nforbid (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"delete\" && context.tags.contains(\"sensitive_path\") };\n\n@id(\"starter/untrusted-sinks\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"a value that another party may have chosen decides what `{tool}` does\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { !context.untrusted_sinks.isEmpty() };\n\n@id(\"starter/untrusted-control\")\n@severity(\"medium\")\n@decision(\"require_approval\")\n@message(\"a value that another party may have chosen decides whether `{tool}` is called\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.untrusted_control };\n\n@id(\"starter/read-then-send\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"something was read just before, and `{tool}` can send it away\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.sequences.contains(\"read_then_send\") };\n"},{"name":"policy.toml","text":"# What the starter set''s rules name.\n\n# Who may log in, and the keys with which they do. `sensitive_path` is wider, and needs no definition.\n[tags.system_secret]\napplies_to = [\"file\"]\nsensitive = true\npattern = ''(?i)^/etc/(g?shadow|g?passwd|master\\.passwd|sudoers)(-|\\.d|/|$)|^/etc/ssh/.*key|(^|/)\\.ssh/(id_|.*key|authorized_keys)|(^|/)\\.(aws|kube|docker|gnupg)(/|$)|^/proc/[^/]+/(environ|mem)$''\n\n# Something is read here and then something goes out, within three calls.\n[sequences.read_then_send]\npattern = [\"file_read\", \"network_request\"]\nwindow = 3\n"}]],"limits":{"calls_per_session":100,"calls_per_minute":null}}}',X'add269219a0fbb1711acb35df9c07e563d6845aa58fcc32f7c3181cfc1f5bc09',X'd496b8e1582386cef252e77457d034407ad171fefb50d3218d15fb8200468311');
INSERT INTO events VALUES(3,'system',3,1796058271984,'shadow_decided','{"version":"6998de1aed96cb7c88e1c886132c9501b96a64250c80e90dd7bbde85a04dff1b","active":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","turned":"newly_denied","what":"plan","execution_id":"01a22d6a-50f9-75df-8830-69a6cdf760e8","plan":"Agent","from":"require_approval","to":"deny","rules":["no"],"steps":["send"],"message":"`pay.send` is forbidden","at_ms":1796058271984,"policy_then":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf"}',X'd496b8e1582386cef252e77457d034407ad171fefb50d3218d15fb8200468311',X'aca13890decd0a4789a83bc2fce4c9aca4c9f7c7ce43cdab48eca5f7e5c0254b');
INSERT INTO events VALUES(4,'01a22d6a-50f9-75df-8830-69a6cdf760e8',1,1796058271984,'execution_created','{"execution_id":"01a22d6a-50f9-75df-8830-69a6cdf760e8","plan_id":"01a22d6a-50fa-762f-a0d9-ef6d9af44575","revision":1,"plan_hash":"ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3","inputs":{},"secrets":{},"inputs_digest":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","tools":{"pay.send":"bb8fb6c6c60e630473e663a51506ce53cdaac370dd7407de5041a67b8a5e129e"},"execution_digest":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","principal":"local:0","session":"cli-01a22d6a-50cf-7203-b8b5-35b039c69fc5","approval_expires_ms":1796144671984,"seed":4589574230384158,"behaviour":3,"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`pay.send` has the effect `network`","step":"send","severity":"high","inputs":{"resource.effect":"network"}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","tools":{"pay.send":"bb8fb6c6c60e630473e663a51506ce53cdaac370dd7407de5041a67b8a5e129e"},"principal":"local:0","session_id":"cli-01a22d6a-50cf-7203-b8b5-35b039c69fc5","at_ms":1796058271984,"inputs":{},"steps":[{"step":"send","purpose":"run","tool":"pay.send","effect":"network","idempotent":false,"open_world":true,"category":"network_request","resources":[],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["network_request: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"}],"risk":{"score":60,"level":"high","factors":["riskiest step `send`: 60"],"mitigations":["requires_approval"]},"approvers":["requester"],"calls":{"most":2,"limit":100,"counted":0,"reserved":0}}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'4c6baa1156007e2a5a04445ff07760d349c8c040e901e12697932f400218345f');
INSERT INTO events VALUES(5,'01a22d6a-50f9-75df-8830-69a6cdf760e8',2,1796058271984,'request_opened','{"request_id":"req-0323db1f7a74c13a","kind":"plan","subject":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","choices":["approve","reject"],"approvers":["requester"],"expires_ms":1796144671984}',X'4c6baa1156007e2a5a04445ff07760d349c8c040e901e12697932f400218345f',X'd5d8d6e706387e9e1c2817e508ef660db06146be102b015749b49a235d1e0d12');
INSERT INTO events VALUES(6,'01a22d6a-50f9-75df-8830-69a6cdf760e8',3,1796058272012,'request_answered','{"request_id":"req-0323db1f7a74c13a","choice":"approve","by":"local:0","channel":"flag","answer_digest":"cf425b2d4b7bd81a700998cec59eba5bf29be1500efde3ec89d6b7e4c598e644"}',X'd5d8d6e706387e9e1c2817e508ef660db06146be102b015749b49a235d1e0d12',X'16735139d6eb45f62fae32fbd3057b8e497da06bee0be2f3b6385115616f5f79');
INSERT INTO events VALUES(7,'01a22d6a-50f9-75df-8830-69a6cdf760e8',4,1796058272014,'execution_started','{"approval":"req-0323db1f7a74c13a by local:0 over flag","reserved":2}',X'16735139d6eb45f62fae32fbd3057b8e497da06bee0be2f3b6385115616f5f79',X'9558065789719ca973e523af176ac94f8db68b596f7c791e24d7fb5233d85f07');
INSERT INTO events VALUES(8,'system',4,1796058272024,'token_key_created','{"key":"tf30777e2","by":"local:0"}',X'aca13890decd0a4789a83bc2fce4c9aca4c9f7c7ce43cdab48eca5f7e5c0254b',X'61e909a7bc2a5135b85de5df7e815e8a45f91f275fec37582800bc83505b5ca1');
INSERT INTO events VALUES(9,'01a22d6a-50f9-75df-8830-69a6cdf760e8',5,1796058272025,'token_issued','{"principal":"local:0","expires_ms":1796059172024,"key":"tf30777e2"}',X'9558065789719ca973e523af176ac94f8db68b596f7c791e24d7fb5233d85f07',X'a6e9b62be1536eacfc126651fc9f5af9ef837f880651dc4601ba35c8bab0a2d6');
INSERT INTO events VALUES(10,'01a22d6a-50f9-75df-8830-69a6cdf760e8',6,1796058272294,'call_refused','{"refusal":{"code":"ARGUMENT_VIOLATION","message":"the argument `/to` of step `send` is not the one in the plan","expected":{"argument":"/to","planned":"bob"},"rule":"steps.send.args"},"admission":false,"call":{"tool":"pay.send","args_digest":"58bedd224fe4353f6b6eec2c0aead9351e0dfbfd0a2130edfa8c691bfa024610","by":"local:0"}}',X'a6e9b62be1536eacfc126651fc9f5af9ef837f880651dc4601ba35c8bab0a2d6',X'77f4150994761b45562d7193dcd6c47eb893577036c37dc9efd1560eb5b15d1e');
INSERT INTO events VALUES(11,'01a22d6a-50f9-75df-8830-69a6cdf760e8',7,1796058272621,'refusals_counted','{"since_ms":1796058272294,"codes":{"RATE_LIMITED":1}}',X'77f4150994761b45562d7193dcd6c47eb893577036c37dc9efd1560eb5b15d1e',X'b6b7c3526cec86f83959442990087d7d3d0af244c070b96e841478e6c01f8def');
INSERT INTO events VALUES(12,'01a22d6a-50f9-75df-8830-69a6cdf760e8',8,1796058272882,'cancel_requested','{"by":"local:0","force":false}',X'b6b7c3526cec86f83959442990087d7d3d0af244c070b96e841478e6c01f8def',X'4867264bab9894b58fc94ba10291a7b648894b6e755641ad86c7f3de057bf96a');
INSERT INTO events VALUES(13,'01a22d6a-50f9-75df-8830-69a6cdf760e8',9,1796058272882,'execution_finished','{"status":"failure","error":{"code":"CANCELLED","message":"cancelled by `local:0`","severity":"fatal"},"outputs":{}}',X'4867264bab9894b58fc94ba10291a7b648894b6e755641ad86c7f3de057bf96a',X'ed24392d8de7381085dcf77f055670ea3e976833e7a256f52eed16c3a37acb6e');
INSERT INTO events VALUES(14,'system',5,1796058284681,'shadow_decided','{"version":"6998de1aed96cb7c88e1c886132c9501b96a64250c80e90dd7bbde85a04dff1b","active":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","turned":"newly_denied","what":"plan","execution_id":"01a22d6a-828e-7318-9915-448b97df2fb5","plan":"Agent","from":"require_approval","to":"deny","rules":["no"],"steps":["send"],"message":"`pay.send` is forbidden","at_ms":1796058284681,"policy_then":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf"}',X'61e909a7bc2a5135b85de5df7e815e8a45f91f275fec37582800bc83505b5ca1',X'9776c284922d7cf08c27bd344a98388dd593199ad89ca1ac90b8e92fa0fd7f2f');
INSERT INTO events VALUES(15,'01a22d6a-828e-7318-9915-448b97df2fb5',1,1796058284681,'execution_created','{"execution_id":"01a22d6a-828e-7318-9915-448b97df2fb5","plan_id":"01a22d6a-8290-770c-a994-8664ad634359","revision":1,"plan_hash":"ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3","inputs":{},"secrets":{},"inputs_digest":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","tools":{"pay.send":"bb8fb6c6c60e630473e663a51506ce53cdaac370dd7407de5041a67b8a5e129e"},"execution_digest":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","principal":"local:0","session":"cli-01a22d6a-8273-7067-8156-f0874071cbbb","approval_expires_ms":1796144684681,"seed":1092838468961391,"behaviour":3,"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`pay.send` has the effect `network`","step":"send","severity":"high","inputs":{"resource.effect":"network"}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","tools":{"pay.send":"bb8fb6c6c60e630473e663a51506ce53cdaac370dd7407de5041a67b8a5e129e"},"principal":"local:0","session_id":"cli-01a22d6a-8273-7067-8156-f0874071cbbb","at_ms":1796058284681,"inputs":{},"steps":[{"step":"send","purpose":"run","tool":"pay.send","effect":"network","idempotent":false,"open_world":true,"category":"network_request","resources":[],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["network_request: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"}],"risk":{"score":60,"level":"high","factors":["riskiest step `send`: 60"],"mitigations":["requires_approval"]},"approvers":["requester"],"calls":{"most":2,"limit":100,"counted":0,"reserved":0}},"approved_before":{"plan_hash":"ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3","execution_id":"01a22d6a-50f9-75df-8830-69a6cdf760e8","request_id":"req-0323db1f7a74c13a","by":"local:0","at_ms":1796058272012}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'01b03f3dad764fd01a4a7237f7b177ccfe016ad81a2cb3f8e72b6fede44cf6ba');
INSERT INTO events VALUES(16,'01a22d6a-828e-7318-9915-448b97df2fb5',2,1796058284681,'request_opened','{"request_id":"req-c43aa9101ee25e90","kind":"plan","subject":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","choices":["approve","reject"],"approvers":["requester"],"expires_ms":1796144684681}',X'01b03f3dad764fd01a4a7237f7b177ccfe016ad81a2cb3f8e72b6fede44cf6ba',X'1271deda6b798d25f801bf549aa2f6cce14e3da6d4b73011161e2ffc45fb637b');
INSERT INTO events VALUES(17,'01a22d6a-828e-7318-9915-448b97df2fb5',3,1796058284715,'request_answered','{"request_id":"req-c43aa9101ee25e90","choice":"approve","by":"local:0","channel":"flag","answer_digest":"bc8e0e5013c06bc4222d263ee57828cc5ebfd078b63b4217dc94e78540dcc1ed"}',X'1271deda6b798d25f801bf549aa2f6cce14e3da6d4b73011161e2ffc45fb637b',X'792ea66b2ef7b3a7156d8289ebb92787686087597ab934cfcf03f9bcdc372dab');
INSERT INTO events VALUES(18,'01a22d6a-828e-7318-9915-448b97df2fb5',4,1796058284721,'execution_started','{"approval":"req-c43aa9101ee25e90 by local:0 over flag","reserved":2}',X'792ea66b2ef7b3a7156d8289ebb92787686087597ab934cfcf03f9bcdc372dab',X'1978babb0f62ef4db371a23da5b9e24692314b584aca9013850734bda120b417');
INSERT INTO events VALUES(19,'01a22d6a-828e-7318-9915-448b97df2fb5',5,1796058284736,'token_issued','{"principal":"local:0","expires_ms":1796059184736,"key":"tf30777e2"}',X'1978babb0f62ef4db371a23da5b9e24692314b584aca9013850734bda120b417',X'ab277d6634bb9892eba865a1f88e648ea7b1de78874a4050184d338afb18866c');
INSERT INTO events VALUES(20,'01a22d6a-828e-7318-9915-448b97df2fb5',6,1796058284916,'host_stopped','{"reason":"the host that drove it has left"}',X'ab277d6634bb9892eba865a1f88e648ea7b1de78874a4050184d338afb18866c',X'7957d0a1922ada2998c07e0d226898d2d2d4d431eaf8a91f823b6c094f958d5c');
INSERT INTO events VALUES(21,'01a22d6a-828e-7318-9915-448b97df2fb5',7,1796058285567,'host_started','{"host":"01a22d6a-85f0-7542-b376-ac4ad803f20a"}',X'7957d0a1922ada2998c07e0d226898d2d2d4d431eaf8a91f823b6c094f958d5c',X'41fb43b48470fbd491c59f0aa041be74a945e213613b9b35267130db67a897cd');
INSERT INTO events VALUES(22,'system',6,1796058285574,'shadow_decided','{"version":"6998de1aed96cb7c88e1c886132c9501b96a64250c80e90dd7bbde85a04dff1b","active":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","turned":"newly_denied","what":"call","execution_id":"01a22d6a-828e-7318-9915-448b97df2fb5","plan":"Agent","step":"send","purpose":"run","tool":"pay.send","from":"require_approval","to":"deny","rules":["no"],"message":"`pay.send` is forbidden","at_ms":1796058285574,"policy_then":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf"}',X'9776c284922d7cf08c27bd344a98388dd593199ad89ca1ac90b8e92fa0fd7f2f',X'c93ba6c31f6f88deac4cffdff4f0e9f186d140782a8a733bdcdd87e9a7ce1b10');
INSERT INTO events VALUES(23,'01a22d6a-828e-7318-9915-448b97df2fb5',8,1796058285574,'call_requested','{"step":"send","tool":"pay.send","args":{"to":"bob"},"by":"local:0","key":"tf30777e2"}',X'41fb43b48470fbd491c59f0aa041be74a945e213613b9b35267130db67a897cd',X'511ae48d059089c3264f08a0c8231ba084044cbdbcf6c6be491293e85bc24062');
INSERT INTO events VALUES(24,'01a22d6a-828e-7318-9915-448b97df2fb5',9,1796058285574,'step_started','{"step":"send","attempt":1,"tool":"pay.send","facts":{"effect":"network","idempotent":false,"open_world":true},"args":{"to":"bob"},"args_digest":"99a2b95c544f4bf2996dc4cb67b53fffc009ef4a568fe4c8c843b5ee84ba8f34","idempotency_key":"ea60412b64028110b9cf6b44861193f2c705aeffd8609fdb1b83d3a1ad3ae602","permit":"5812769dbd7d717aca348023a84817077ec48275db15456adbae16408488a7be","granted_digest":"bc0d1c8b2f67f2bfe52a28c84700546e0401ded1a2947905f90400ebb9630635","sandbox":"none"}',X'511ae48d059089c3264f08a0c8231ba084044cbdbcf6c6be491293e85bc24062',X'0cd11344777f93ea98a4884974efda6868d8914da333179b9a760591866f68f2');
INSERT INTO events VALUES(25,'01a22d6a-828e-7318-9915-448b97df2fb5',10,1796058285611,'step_completed','{"step":"send","attempt":1,"output_digest":"664508afda2480500977bd381bd3f0901844c0bbae1665d75beb70ebf94740b8","output":{}}',X'0cd11344777f93ea98a4884974efda6868d8914da333179b9a760591866f68f2',X'a377945aa94f49328d8669118f09dbf5beb977535709a568f300bd40e8d7565c');
INSERT INTO events VALUES(26,'01a22d6a-828e-7318-9915-448b97df2fb5',11,1796058285838,'host_stopped','{"reason":"the host that drove it has left"}',X'a377945aa94f49328d8669118f09dbf5beb977535709a568f300bd40e8d7565c',X'8cf0a2d376d8a129787cd421e4c169bc533b5e05972186d9d2cb42f6bffc25db');
INSERT INTO events VALUES(27,'01a22d6a-828e-7318-9915-448b97df2fb5',12,1796058286459,'host_started','{"host":"01a22d6a-8973-72ab-8316-3c6e19c883e4"}',X'8cf0a2d376d8a129787cd421e4c169bc533b5e05972186d9d2cb42f6bffc25db',X'b607be3e88a27312290740cb85931170fbc2123d57d28fa42d9a074d67692317');
INSERT INTO events VALUES(28,'01a22d6a-828e-7318-9915-448b97df2fb5',13,1796058286471,'finish_requested','{"by":"local:0"}',X'b607be3e88a27312290740cb85931170fbc2123d57d28fa42d9a074d67692317',X'fbe59bcfb3ea22ec33f66736e07e3067c94735c99eec61c2374cc203bf986de9');
INSERT INTO events VALUES(29,'01a22d6a-828e-7318-9915-448b97df2fb5',14,1796058286471,'execution_finished','{"status":"success","error":null,"outputs":{"send":{}}}',X'fbe59bcfb3ea22ec33f66736e07e3067c94735c99eec61c2374cc203bf986de9',X'30ef86921e75ef7270845eea57168c8eddce9e87e24eb8f3035fa111c3d6f092');
INSERT INTO events VALUES(30,'system',7,1796058286791,'token_key_created','{"key":"t1cc7cfb9","by":"local:0","alone":false}',X'c93ba6c31f6f88deac4cffdff4f0e9f186d140782a8a733bdcdd87e9a7ce1b10',X'e3b3793ae6ffa0bd934bf9882526c3debeb810168e5ddb9a8d41840e21373ef1');
CREATE TABLE commits (
    number INTEGER PRIMARY KEY,
    first_gseq INTEGER NOT NULL,
    last_gseq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;
INSERT INTO commits VALUES(1,1,2,1796058271934,X'0000000000000000000000000000000000000000000000000000000000000000',X'f44d43863869f4d5ec1312c3414e5093ec527b40fab595b25e0d053b995ee358',X'57b47d262e863a83dfbe64e22e172b338a83244992c9cd3381e3e53d5c4c6fe7');
INSERT INTO commits VALUES(2,3,3,1796058271984,X'f44d43863869f4d5ec1312c3414e5093ec527b40fab595b25e0d053b995ee358',X'8f7d7e62bc0c10e8c828845d0fdd30983052ff135f336e2728e57018fab3ec61',X'd2e2f40331ccadc20e0b3875f386e4db31b959c33a92f042c40cffd3c3d79c2a');
INSERT INTO commits VALUES(3,4,5,1796058271984,X'8f7d7e62bc0c10e8c828845d0fdd30983052ff135f336e2728e57018fab3ec61',X'41f76272559b5d07cf9285d18fed22a68d69de3889a6fff58d3b0de2ee40bf44',X'9a7a7a4094ef0cc8c57355344cc1e4d7c49a491189bf7fc9e96c6582587255ac');
INSERT INTO commits VALUES(4,6,7,1796058272014,X'41f76272559b5d07cf9285d18fed22a68d69de3889a6fff58d3b0de2ee40bf44',X'4de4b73c0a480e43076b0582faf4200fa01d962bd981087fe5a5dcba3581817c',X'c001e643f9b70d5cd6b77f543eff35fa65b3f7354a4e354115d221002cdb358c');
INSERT INTO commits VALUES(5,8,8,1796058272024,X'4de4b73c0a480e43076b0582faf4200fa01d962bd981087fe5a5dcba3581817c',X'b9520cf6e591dd17af1418397a8c04028542bd1aae4b14399420496ef5b4e3aa',X'1d0554a2d8152146abe80080059661dd8469fd0310d35c9069b6a12b6a4f24b3');
INSERT INTO commits VALUES(6,9,9,1796058272025,X'b9520cf6e591dd17af1418397a8c04028542bd1aae4b14399420496ef5b4e3aa',X'726939689ddc8362cfbd068675cb71b0bdd43fe69d695fabf6ae5cbe408e9440',X'23ef8fdf7471c4d4f7de43fddc1d79b7d5b10c9926f496e23e9b1b6f5d20e2e7');
INSERT INTO commits VALUES(7,10,10,1796058272294,X'726939689ddc8362cfbd068675cb71b0bdd43fe69d695fabf6ae5cbe408e9440',X'64c55ad629d769f9a7888356094f25cd968d94c2b05de55dac74ee0bb5d3cbc1',X'4f4e69bd87bdbeb64204108ce090a6e56e4c3525275c1d835dcc4cde74439b74');
INSERT INTO commits VALUES(8,11,11,1796058272621,X'64c55ad629d769f9a7888356094f25cd968d94c2b05de55dac74ee0bb5d3cbc1',X'fe13f780e5ee9135cd2d1a3c0dbce54269625ad4369e733e96a7f1e4a0c65556',X'930935b393b80928531dea4de20ddfaa2d6cadc44243fe5d3ad16ee5106ef297');
INSERT INTO commits VALUES(9,12,13,1796058272882,X'fe13f780e5ee9135cd2d1a3c0dbce54269625ad4369e733e96a7f1e4a0c65556',X'6e3c294e81c238bfde76138750dda8062f8aabdce52649b6c200b08d9910147c',X'3e6f68244f3cfba4177bd1009ba6c9bf394941d0074737fe827c1f2d0a1a162d');
INSERT INTO commits VALUES(10,14,14,1796058284681,X'6e3c294e81c238bfde76138750dda8062f8aabdce52649b6c200b08d9910147c',X'd00c5797434f7934b5e0ff1131b5fc2bf06d5ce2574463dcd07aabfaa770d2bf',X'175c90682b70a0d7d0380a1dbf9a6667fcf93dfd0f5f64184f2881ed2cf25ce0');
INSERT INTO commits VALUES(11,15,16,1796058284681,X'd00c5797434f7934b5e0ff1131b5fc2bf06d5ce2574463dcd07aabfaa770d2bf',X'aa2da01addb0c3cf18ebf850bb035150d26313a2619ef9f2614b0d8a9ff68d27',X'42831d844de3ca2c1c5535221d7e29720aa8d1a774c945786bed0e79ddf529df');
INSERT INTO commits VALUES(12,17,18,1796058284721,X'aa2da01addb0c3cf18ebf850bb035150d26313a2619ef9f2614b0d8a9ff68d27',X'd806e6f217cac5334067716de51762fdbe13f6bfae691c560272d1471903e7c6',X'6e78bc4211af3326ccbff63489ce15c6c380329f0fca558d8f0f4eb3207d2fcd');
INSERT INTO commits VALUES(13,19,19,1796058284736,X'd806e6f217cac5334067716de51762fdbe13f6bfae691c560272d1471903e7c6',X'fa24b42bd78f7467183af85ede16ed47e32e5d2e5d93928fa8f1040fc9c74e64',X'e67e2c3e41f5f762eccd5eff3825075d5d67b52f32dbe0928a6671ac1eaff7b0');
INSERT INTO commits VALUES(14,20,20,1796058284916,X'fa24b42bd78f7467183af85ede16ed47e32e5d2e5d93928fa8f1040fc9c74e64',X'dee6af811772c963492f50c52c78d0afdb7e6bd270262986d4b44c95b5c06172',X'a1fc592e3ea97e97d3c8640f3f4e33baa63ee5fea1b0cc30acefa871e545ebaa');
INSERT INTO commits VALUES(15,21,21,1796058285567,X'dee6af811772c963492f50c52c78d0afdb7e6bd270262986d4b44c95b5c06172',X'9d3997fa4f13363de4cf1539a97a34be4dfe064e6337947a08ab9523892f54bb',X'549af08e8753fecd67c1a02f0520fa0dbfa832ca234ca4ea6f446b117ea956d0');
INSERT INTO commits VALUES(16,22,22,1796058285574,X'9d3997fa4f13363de4cf1539a97a34be4dfe064e6337947a08ab9523892f54bb',X'8d4b718e296121cff9963e5b2fbd843fd4beddcbfea919ac68a0b78ccffb4ff7',X'e5ff9ab5ecc8b73eab656834c0304099df187579274d950785492aa85b2d20d1');
INSERT INTO commits VALUES(17,23,24,1796058285574,X'8d4b718e296121cff9963e5b2fbd843fd4beddcbfea919ac68a0b78ccffb4ff7',X'cdc8215629997da6a3dc4953ccff5f128f41a7cc4d8d446aaa3880ee8afafe31',X'8ac6c89c140aa0d4702115649e3f31174beed34c5d896cc9a5a77a1aff4b28a7');
INSERT INTO commits VALUES(18,25,25,1796058285611,X'cdc8215629997da6a3dc4953ccff5f128f41a7cc4d8d446aaa3880ee8afafe31',X'2e263d7b0122f62ebc9b24bdc9ea069764148cdbdaf07adb3fa8cca6ff46d122',X'8cb1c31b11f1eb102fbfade4364a52f3784857f3495fd0bcbee03d8b473928d0');
INSERT INTO commits VALUES(19,26,26,1796058285838,X'2e263d7b0122f62ebc9b24bdc9ea069764148cdbdaf07adb3fa8cca6ff46d122',X'9f8ea88ea2feae76f9fcef7a27188eb2683da94765379bc979262cabd29f4328',X'3a7b857f0bccf7d4d51f0c5b390ab4125ea2a1e05665aa046ec0d178b5e5e048');
INSERT INTO commits VALUES(20,27,27,1796058286459,X'9f8ea88ea2feae76f9fcef7a27188eb2683da94765379bc979262cabd29f4328',X'2633f0a11f5b52fdbed48acc6bb1a806dfface38638516b5175057b5790bd33e',X'4ace06e8e3ef62d120b16eb8a84fd79cef21d4e0890d93f79d757a3e1b0c27c0');
INSERT INTO commits VALUES(21,28,29,1796058286471,X'2633f0a11f5b52fdbed48acc6bb1a806dfface38638516b5175057b5790bd33e',X'5ea9bb0fc7bea52f49a77e403848169f4d97157b93bcdc8e60e47eef2ad1abf3',X'ccca6fe797e39bf4bf2ad8d96da01dd1f4c7b93bf3e56b7c23981b3ffa9f8864');
INSERT INTO commits VALUES(22,30,30,1796058286791,X'5ea9bb0fc7bea52f49a77e403848169f4d97157b93bcdc8e60e47eef2ad1abf3',X'138c2aec3df137d547c0422b037b53cd943f0150e34a6e4c4442b8dd91998d51',X'0d68b5cb82ff47af5cea03e6c165495b44cfa70c81b61f111f823dcd53c0eed5');
CREATE TABLE plans (
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    canonical TEXT NOT NULL
) STRICT;
INSERT INTO plans VALUES(X'ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3','Agent',1796058271984,3,X'a687c790b102614d1b61aa9165def8c1334d2481a9e1f425f03ecbbd9e23c34b','{"mode":"agent","name":"Agent","steps":[{"args":{"to":"bob"},"id":"send","max_invocations":2,"tool":"pay.send"}],"version":1}');
CREATE TABLE blobs (
    hash BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    head_number INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;
INSERT INTO lease VALUES(1,5,3145,21,X'5ea9bb0fc7bea52f49a77e403848169f4d97157b93bcdc8e60e47eef2ad1abf3',X'5b8c1c899af6cc831cb0771d9944530e9ab89331bfb928b47ef58e21d0e317db');
CREATE TABLE executions (
    execution_id TEXT PRIMARY KEY,
    plan_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    plan_hash BLOB NOT NULL,
    name TEXT NOT NULL,
    principal TEXT NOT NULL,
    session TEXT NOT NULL,
    state TEXT NOT NULL,
    status TEXT,
    error_code TEXT,
    waiting_for TEXT,
    priority INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER,
    last_seq INTEGER NOT NULL,
    steps_total INTEGER NOT NULL,
    steps_settled INTEGER NOT NULL,
    tools TEXT NOT NULL,
    waiting_kind TEXT GENERATED ALWAYS AS (
        CASE WHEN json_valid(waiting_for) THEN json_extract(waiting_for, '$.kind') END
    ) VIRTUAL
, parent TEXT) STRICT, WITHOUT ROWID;
INSERT INTO executions VALUES('01a22d6a-50f9-75df-8830-69a6cdf760e8','01a22d6a-50fa-762f-a0d9-ef6d9af44575',1,X'ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3','Agent','local:0','cli-01a22d6a-50cf-7203-b8b5-35b039c69fc5','cancelled','failure','CANCELLED',NULL,0,1796058271984,1796058272882,1796058272882,9,1,1,' pay.send ',NULL);
INSERT INTO executions VALUES('01a22d6a-828e-7318-9915-448b97df2fb5','01a22d6a-8290-770c-a994-8664ad634359',1,X'ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3','Agent','local:0','cli-01a22d6a-8273-7067-8156-f0874071cbbb','completed','success',NULL,NULL,0,1796058284681,1796058286471,1796058286471,14,1,1,' pay.send ',NULL);
CREATE TABLE requests (
    request_id TEXT PRIMARY KEY,
    execution_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    step TEXT,
    state TEXT NOT NULL,
    subject BLOB NOT NULL,
    detail TEXT NOT NULL,
    answer TEXT,
    opened_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    closed_at_ms INTEGER
, approved TEXT) STRICT, WITHOUT ROWID;
INSERT INTO requests VALUES('req-0323db1f7a74c13a','01a22d6a-50f9-75df-8830-69a6cdf760e8','plan',NULL,'answered',X'b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507','{"plan":"Agent","plan_hash":"ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3","inputs":{},"principal":"local:0","choices":["approve","reject"],"approvers":["requester"],"decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`pay.send` has the effect `network`","step":"send","severity":"high","inputs":{"resource.effect":"network"}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","tools":{"pay.send":"bb8fb6c6c60e630473e663a51506ce53cdaac370dd7407de5041a67b8a5e129e"},"principal":"local:0","session_id":"cli-01a22d6a-50cf-7203-b8b5-35b039c69fc5","at_ms":1796058271984,"inputs":{},"steps":[{"step":"send","purpose":"run","tool":"pay.send","effect":"network","idempotent":false,"open_world":true,"category":"network_request","resources":[],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["network_request: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"}],"risk":{"score":60,"level":"high","factors":["riskiest step `send`: 60"],"mitigations":["requires_approval"]},"approvers":["requester"],"calls":{"most":2,"limit":100,"counted":0,"reserved":0}}}','{"choice":"approve","by":"local:0","channel":"flag"}',1796058271984,1796144671984,1796058272012,'Agent');
INSERT INTO requests VALUES('req-c43aa9101ee25e90','01a22d6a-828e-7318-9915-448b97df2fb5','plan',NULL,'answered',X'b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507','{"plan":"Agent","plan_hash":"ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3","inputs":{},"principal":"local:0","choices":["approve","reject"],"approvers":["requester"],"decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`pay.send` has the effect `network`","step":"send","severity":"high","inputs":{"resource.effect":"network"}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"b4c01c5ff4630f87f068066ad3de9b923bb3b73dc7fff1ae374f267507b26507","tools":{"pay.send":"bb8fb6c6c60e630473e663a51506ce53cdaac370dd7407de5041a67b8a5e129e"},"principal":"local:0","session_id":"cli-01a22d6a-8273-7067-8156-f0874071cbbb","at_ms":1796058284681,"inputs":{},"steps":[{"step":"send","purpose":"run","tool":"pay.send","effect":"network","idempotent":false,"open_world":true,"category":"network_request","resources":[],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["network_request: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"}],"risk":{"score":60,"level":"high","factors":["riskiest step `send`: 60"],"mitigations":["requires_approval"]},"approvers":["requester"],"calls":{"most":2,"limit":100,"counted":0,"reserved":0}},"approved_before":{"plan_hash":"ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3","execution_id":"01a22d6a-50f9-75df-8830-69a6cdf760e8","request_id":"req-0323db1f7a74c13a","by":"local:0","at_ms":1796058272012}}','{"choice":"approve","by":"local:0","channel":"flag"}',1796058284681,1796144684681,1796058284715,'Agent');
CREATE TABLE calls (
    execution_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    session TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    category TEXT NOT NULL,
    PRIMARY KEY (execution_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO calls VALUES('01a22d6a-828e-7318-9915-448b97df2fb5',9,'cli-01a22d6a-8273-7067-8156-f0874071cbbb',1796058285574,'network_request');
CREATE TABLE content_uses (
    hash BLOB NOT NULL,
    stream TEXT NOT NULL,
    PRIMARY KEY (hash, stream)
) STRICT, WITHOUT ROWID;
INSERT INTO content_uses VALUES(X'ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3','01a22d6a-50f9-75df-8830-69a6cdf760e8');
INSERT INTO content_uses VALUES(X'ecb77d64a4ed65ac99e36ad7a401303faa091ed18861c8a6f2cabf26dc83b3f3','01a22d6a-828e-7318-9915-448b97df2fb5');
CREATE TABLE archived (
    execution_id TEXT PRIMARY KEY,
    tombstone INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE removed_rows (
    gseq INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    tombstone INTEGER NOT NULL
) STRICT;
CREATE TABLE removed_contents (
    commit_number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    hash BLOB NOT NULL,
    row_hash BLOB NOT NULL,
    tombstone INTEGER NOT NULL,
    PRIMARY KEY (commit_number, kind, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    session TEXT NOT NULL,
    principal TEXT NOT NULL,
    executions INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    PRIMARY KEY (session, principal)
) STRICT, WITHOUT ROWID;
INSERT INTO sessions VALUES('cli-01a22d6a-50cf-7203-b8b5-35b039c69fc5','local:0',1,1796058271984,1796058272882);
INSERT INTO sessions VALUES('cli-01a22d6a-8273-7067-8156-f0874071cbbb','local:0',1,1796058284681,1796058286471);
CREATE INDEX plans_by_commit ON plans (commit_number, hash);
CREATE INDEX blobs_by_commit ON blobs (commit_number, hash);
CREATE INDEX executions_by_created ON executions (created_at_ms);
CREATE INDEX executions_by_state ON executions (state, created_at_ms);
CREATE INDEX executions_by_principal ON executions (principal, created_at_ms);
CREATE INDEX executions_by_session ON executions (session, created_at_ms);
CREATE INDEX executions_waiting ON executions (waiting_kind, created_at_ms)
    WHERE waiting_kind IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (priority DESC, created_at_ms)
    WHERE finished_at_ms IS NULL;
CREATE INDEX requests_by_opened ON requests (opened_at_ms);
CREATE INDEX requests_by_kind ON requests (kind, opened_at_ms);
CREATE INDEX requests_by_execution ON requests (execution_id, opened_at_ms);
CREATE INDEX events_of_system ON events (kind, seq) WHERE stream = 'system';
CREATE INDEX calls_by_session ON calls (session, at_ms);
CREATE INDEX executions_by_status ON executions (status, created_at_ms) WHERE status IS NOT NULL;
CREATE INDEX executions_by_tools ON executions (tools, created_at_ms);
CREATE INDEX executions_by_parent ON executions (parent) WHERE parent IS NOT NULL;
CREATE INDEX requests_open ON requests (kind, opened_at_ms) WHERE state = 'open';
CREATE INDEX requests_approved ON requests (approved, closed_at_ms) WHERE approved IS NOT NULL;
CREATE INDEX sessions_by_last ON sessions (last_ms);
CREATE INDEX executions_open ON executions (session, principal) WHERE finished_at_ms IS NULL;
COMMIT;
