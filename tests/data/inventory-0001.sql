BEGIN TRANSACTION;
CREATE TABLE access_grant_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	kind TEXT, 
	principal TEXT, 
	name TEXT, 
	policy TEXT, 
	resource TEXT, 
	condition TEXT, 
	document TEXT, 
	source TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_access_grant_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE alias_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	identity TEXT, 
	kind TEXT, 
	value TEXT, 
	source TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_alias_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE TABLE classification_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	nature TEXT, 
	reason TEXT, 
	confidence TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_classification_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE TABLE credential_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	kind TEXT, 
	native_id TEXT, 
	name TEXT, 
	identity TEXT, 
	state TEXT, 
	created_at BIGINT, 
	changed_at BIGINT, 
	expires_at BIGINT, 
	never_expires BIGINT, 
	slot BIGINT, 
	service TEXT, 
	source TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_credential_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
INSERT INTO "credential_range" VALUES('aws/account/aws:111122223333/access_key/AKIANEW','aws/account/aws:111122223333','access_key','AKIANEW','AKIANEW','aws/account/aws:111122223333/user/AIDA1','active',1700050000,1700050000,NULL,1,NULL,NULL,'iam.credential-report',2,2,NULL);
INSERT INTO "credential_range" VALUES('aws/account/aws:111122223333/access_key/AKIAOLD','aws/account/aws:111122223333','access_key','AKIAOLD','AKIAOLD','aws/account/aws:111122223333/user/AIDA1','active',1600000000,1600000000,NULL,1,NULL,NULL,'iam.credential-report',1,1,2);
INSERT INTO "credential_range" VALUES('aws/account/aws:111122223333/access_key/AKIAOLD','aws/account/aws:111122223333','access_key','AKIAOLD','AKIAOLD','aws/account/aws:111122223333/user/AIDA1','inactive',1600000000,1600000000,NULL,1,NULL,NULL,'iam.credential-report',1,2,NULL);
CREATE TABLE document (
	digest TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_document PRIMARY KEY (digest)
);
INSERT INTO "document" VALUES('abababababababababababababababababababababababababababababababab','policy','{"Statement":[]}');
CREATE TABLE effective_access_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	principal TEXT, 
	level TEXT, 
	service TEXT, 
	action TEXT, 
	resource TEXT, 
	via TEXT, 
	statement TEXT, 
	conditional BIGINT, 
	confidence TEXT, 
	reason TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_effective_access_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE TABLE escalation_path_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	principal TEXT, 
	target TEXT, 
	method TEXT, 
	grade TEXT, 
	hops BIGINT, 
	steps TEXT, 
	confidence TEXT, 
	reason TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_escalation_path_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE TABLE identity_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	kind TEXT, 
	native_id TEXT, 
	name TEXT, 
	arn TEXT, 
	path TEXT, 
	state TEXT, 
	created_at BIGINT, 
	description TEXT, 
	tags TEXT, 
	provider_managed BIGINT, 
	console_access BIGINT, 
	mfa BIGINT, 
	trust_document TEXT, 
	source TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_identity_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
INSERT INTO "identity_range" VALUES('aws/account/aws:111122223333/user/AIDA1','aws/account/aws:111122223333','user','AIDA1','deploy',NULL,NULL,NULL,1600000000,NULL,NULL,NULL,NULL,NULL,'abababababababababababababababababababababababababababababababab','iam.account-authorization-details',1,1,NULL);
CREATE TABLE last_use (
	subject TEXT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	used_at BIGINT, 
	known_since BIGINT, 
	trailing_days BIGINT, 
	source TEXT NOT NULL, 
	CONSTRAINT pk_last_use PRIMARY KEY (subject, from_scan)
)
 WITHOUT ROWID

;
INSERT INTO "last_use" VALUES('aws/account/aws:111122223333/access_key/AKIANEW',2,NULL,NULL,1430000000,NULL,'iam.credential-report');
INSERT INTO "last_use" VALUES('aws/account/aws:111122223333/access_key/AKIAOLD',1,2,1699990000,1430000000,NULL,'iam.credential-report');
INSERT INTO "last_use" VALUES('aws/account/aws:111122223333/access_key/AKIAOLD',2,NULL,1700010000,1430000000,NULL,'iam.credential-report');
CREATE TABLE lineage (
	identity TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	first_scan BIGINT NOT NULL, 
	CONSTRAINT pk_lineage PRIMARY KEY (identity, kind, created_at, "key")
)
 WITHOUT ROWID

;
INSERT INTO "lineage" VALUES('aws/account/aws:111122223333/user/AIDA1','access_key',1600000000,'aws/account/aws:111122223333/access_key/AKIAOLD',1);
INSERT INTO "lineage" VALUES('aws/account/aws:111122223333/user/AIDA1','access_key',1700050000,'aws/account/aws:111122223333/access_key/AKIANEW',2);
CREATE TABLE need_range (
	scope TEXT NOT NULL, 
	need TEXT NOT NULL, 
	complete BIGINT, 
	lists BIGINT, 
	reason TEXT, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_need_range PRIMARY KEY (scope, need, from_scan)
)
 WITHOUT ROWID

;
INSERT INTO "need_range" VALUES('aws/account/aws:111122223333','credential:access_key',1,1,NULL,1,NULL);
INSERT INTO "need_range" VALUES('aws/account/aws:111122223333','identity:user',1,1,NULL,1,NULL);
CREATE TABLE owner_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	value TEXT, 
	method TEXT, 
	person TEXT, 
	resolution TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_owner_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE TABLE person_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	person_id TEXT, 
	email TEXT, 
	name TEXT, 
	status TEXT, 
	start_date BIGINT, 
	end_date BIGINT, 
	source TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_person_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE TABLE policy_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	kind TEXT, 
	native_id TEXT, 
	name TEXT, 
	arn TEXT, 
	document TEXT, 
	attachments BIGINT, 
	created_at BIGINT, 
	source TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_policy_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE TABLE relation_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	kind TEXT, 
	subject TEXT, 
	target TEXT, 
	source TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_relation_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE TABLE run (
	run TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT, 
	version TEXT NOT NULL, 
	connectors TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	rules_sha256 TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid BIGINT NOT NULL, 
	started_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	CONSTRAINT pk_run PRIMARY KEY (run)
)
 WITHOUT ROWID

;
INSERT INTO "run" VALUES('run-1','finished',NULL,'0.1.0','["aws"]','{}','-','{}','host',1,1700000000,1700000060);
INSERT INTO "run" VALUES('run-2','finished',NULL,'0.1.0','["aws"]','{}','-','{}','host',1,1700086400,1700086460);
CREATE TABLE run_scope (
	run TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	sources TEXT NOT NULL, 
	CONSTRAINT pk_run_scope PRIMARY KEY (run, scope), 
	CONSTRAINT fk_run_scope_run FOREIGN KEY(run) REFERENCES run (run)
)
 WITHOUT ROWID

;
INSERT INTO "run_scope" VALUES('run-1','aws/account/aws:111122223333','["iam.credential-report"]');
INSERT INTO "run_scope" VALUES('run-2','aws/account/aws:111122223333','["iam.credential-report"]');
CREATE TABLE scan (
	number BIGINT NOT NULL, 
	run TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	ended_at BIGINT NOT NULL, 
	CONSTRAINT pk_scan PRIMARY KEY (number), 
	CONSTRAINT fk_scan_run FOREIGN KEY(run) REFERENCES run (run)
)
 WITHOUT ROWID

;
INSERT INTO "scan" VALUES(1,'run-1',1700000000,1700000060);
INSERT INTO "scan" VALUES(2,'run-2',1700086400,1700086460);
CREATE TABLE scan_coverage (
	"key" TEXT, 
	scope TEXT NOT NULL, 
	source TEXT NOT NULL, 
	state TEXT, 
	code TEXT, 
	operation TEXT, 
	permission TEXT, 
	message TEXT, 
	replaced_by TEXT, 
	records BIGINT, 
	calls BIGINT, 
	started_at BIGINT, 
	ended_at BIGINT, 
	data_time BIGINT, 
	transcript_sha256 TEXT, 
	scan BIGINT NOT NULL, 
	CONSTRAINT pk_scan_coverage PRIMARY KEY (scope, source, scan)
)
 WITHOUT ROWID

;
INSERT INTO "scan_coverage" VALUES('aws/account/aws:111122223333|iam.credential-report','aws/account/aws:111122223333','iam.credential-report','complete',NULL,NULL,NULL,NULL,NULL,1,1,1700000001,1700000002,NULL,'00a579b6cd4672ca92a7d7e845cd2750acc6e4bc0aab50ae33da499de0aab8ba',1);
INSERT INTO "scan_coverage" VALUES('aws/account/aws:111122223333|iam.credential-report','aws/account/aws:111122223333','iam.credential-report','complete',NULL,NULL,NULL,NULL,NULL,2,1,1700086401,1700086402,NULL,'d7c119ee2ea60e8ef12218b38b8494b7bfe18b2755a97e2b83b2fae3153b99c2',2);
CREATE TABLE scan_fact (
	scan BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	json TEXT NOT NULL, 
	CONSTRAINT pk_scan_fact PRIMARY KEY (scan, name), 
	CONSTRAINT fk_scan_fact_scan FOREIGN KEY(scan) REFERENCES scan (number)
)
 WITHOUT ROWID

;
INSERT INTO "scan_fact" VALUES(1,'caller','{"arn":"arn:aws:iam::111122223333:user/auditor"}');
INSERT INTO "scan_fact" VALUES(2,'caller','{"arn":"arn:aws:iam::111122223333:user/auditor"}');
CREATE TABLE scan_scope (
	scope TEXT NOT NULL, 
	scan BIGINT NOT NULL, 
	CONSTRAINT pk_scan_scope PRIMARY KEY (scope, scan)
)
 WITHOUT ROWID

;
INSERT INTO "scan_scope" VALUES('aws/account/aws:111122223333',1);
INSERT INTO "scan_scope" VALUES('aws/account/aws:111122223333',2);
CREATE TABLE scan_seen (
	record TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	scan BIGINT NOT NULL, 
	CONSTRAINT pk_scan_seen PRIMARY KEY (record, "key", scan)
)
 WITHOUT ROWID

;
CREATE TABLE scan_tie_out (
	scan BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	what TEXT, 
	source_a TEXT, 
	count_a BIGINT, 
	source_b TEXT, 
	count_b BIGINT, 
	explanation TEXT, 
	CONSTRAINT pk_scan_tie_out PRIMARY KEY (scan, "key")
)
 WITHOUT ROWID

;
INSERT INTO "scan_tie_out" VALUES(1,'aws/account/aws:111122223333|users','aws/account/aws:111122223333','users','a',1,'b',1,NULL);
INSERT INTO "scan_tie_out" VALUES(2,'aws/account/aws:111122223333|users','aws/account/aws:111122223333','users','a',1,'b',1,NULL);
CREATE TABLE scope_lock (
	scope TEXT NOT NULL, 
	run TEXT NOT NULL, 
	CONSTRAINT pk_scope_lock PRIMARY KEY (scope), 
	CONSTRAINT fk_scope_lock_run FOREIGN KEY(run) REFERENCES run (run)
)
 WITHOUT ROWID

;
CREATE TABLE scope_range (
	"key" TEXT NOT NULL, 
	provider TEXT, 
	kind TEXT, 
	native_id TEXT, 
	name TEXT, 
	parent TEXT, 
	state TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_scope_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
INSERT INTO "scope_range" VALUES('aws/account/aws:111122223333','aws','account','aws:111122223333','acme',NULL,NULL,1,1,NULL);
CREATE TABLE setting_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	name TEXT, 
	number BIGINT, 
	text TEXT, 
	source TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_setting_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE TABLE transcript (
	scan BIGINT NOT NULL, 
	scope TEXT NOT NULL, 
	source TEXT NOT NULL, 
	calls BLOB NOT NULL, 
	CONSTRAINT pk_transcript PRIMARY KEY (scan, scope, source)
);
INSERT INTO "transcript" VALUES(1,'aws/account/aws:111122223333','iam.credential-report',X'789C8B56CA4CCC55D251724F2D712E4A4D49CD2BC94CCC094A2DC82F2A018A56D702898C929282622B7D7DA042BDC4DCC4AAFCBCC4F262BDE47CA036431D23103630D0C92BCDC9D1512AD23504091A9A1B400012D3484729398532A814CB0500EB2A3860');
INSERT INTO "transcript" VALUES(2,'aws/account/aws:111122223333','iam.credential-report',X'789C8B56CA4CCC55D251724F2D712E4A4D49CD2BC94CCC094A2DC82F2A018A56D702898C929282622B7D7DA042BDC4DCC4AAFCBCC4F262BDE47CA036431D23103630D0C92BCDC9D1512AD23504091A9A1B18185898991820318D7494925328834AB15C00F63C3884');
CREATE TABLE trust_range (
	"key" TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	identity TEXT, 
	principal_kind TEXT, 
	principal TEXT, 
	principal_scope TEXT, 
	external BIGINT, 
	external_id BIGINT, 
	conditional BIGINT, 
	conditions TEXT, 
	statement TEXT, 
	confidence TEXT, 
	reason TEXT, 
	first_scan BIGINT NOT NULL, 
	from_scan BIGINT NOT NULL, 
	to_scan BIGINT, 
	CONSTRAINT pk_trust_range PRIMARY KEY ("key", from_scan)
)
 WITHOUT ROWID

;
CREATE INDEX ix_scan_coverage_scan ON scan_coverage (scan);
CREATE INDEX ix_scan_scope_scan ON scan_scope (scan, scope);
CREATE UNIQUE INDEX ix_scan_run ON scan (run);
COMMIT;
